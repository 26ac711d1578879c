// The records of one message that its mapping or Postgres rejected, with their reasons.
import { count } from "../failure.ts";

/** Maximum bytes of the reasons of a message, which may have fifty thousand records; the others are counted. */
const MOST_REASON_BYTES = 60_000;

interface Reason {
  readonly record: number;
  readonly text: string;
}

export class RejectedRecords {
  readonly #records: number[] = [];
  readonly #reasons: Reason[] = [];
  #bytes = 0;
  #others = 0;

  /** @param reasons by field, without values */
  add(record: number, reasons: readonly string[]): void {
    this.#records.push(record);
    for (const reason of reasons) {
      const text = `record ${record}: ${reason}`;
      this.#bytes += Buffer.byteLength(text);
      if (this.#bytes > MOST_REASON_BYTES) this.#others += 1;
      else this.#reasons.push({ record, text });
    }
  }

  get size(): number {
    return this.#records.length;
  }

  /** The indices, in ascending order. */
  get records(): number[] {
    return this.#records.toSorted((one, other) => one - other);
  }

  /** Each with its record, in the order of the records. */
  get reasons(): string[] {
    const texts = this.#reasons.toSorted((one, other) => one.record - other.record).map(({ text }) => text);
    return this.#others === 0 ? texts : [...texts, `${count(this.#others)} other reasons`];
  }
}
