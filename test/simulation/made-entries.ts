// Messages that are made for a comparison, and what a drain or a replay writes of them.
import { keyOf, WHOLE_MESSAGE, type Entry, type RowEntry } from "../../src/drain/ports.ts";
import type { Random } from "./random.ts";
import type { SentRecord } from "./sent.ts";
import { setupOf } from "./setups.ts";

const SHAPE = { hasRecords: false, hasDedupe: true };
export const DRAINING = setupOf(SHAPE, "usual", true, 1);
export const REPLAYING = setupOf(SHAPE, "more", true, 1);
const TOKEN = `h1.${DRAINING.keys[0].keyId}.token`;

/** A message that a queue may deliver. */
export interface Message {
  readonly id: string;
  readonly sentAt: number | undefined;
  readonly records: readonly SentRecord[];
}

export function rowOf({ id, sentAt, records }: Message, record: number): RowEntry {
  const { fate, id: cell, key } = at(records, record);
  return {
    ...{ kind: "row", messageId: id, sentAt, record, bodyMac: "00".repeat(16), sealed: [] },
    cells: [cell, TOKEN, fate === "refused" ? "99999999999" : "1", "1", null, timeOf(sentAt)],
    idempotency: key === undefined ? undefined : Buffer.from(key).toString("hex"),
  };
}

/** As a drain writes it; some time without one. */
function timeOf(sentAt = 0): string {
  return new Date(sentAt).toISOString();
}

export function rejectionOf({ id, sentAt, records }: Message, random: Random): Entry {
  const rejected = [...records.entries()].flatMap(([index, { fate }]) => (fate === "row" ? [] : [index]));
  const some = random
    .some([...rejected], random.integer(1, rejected.length))
    .sort((one, other) => one - other);
  return {
    ...{ kind: "rejection", messageId: id, sentAt, record: WHOLE_MESSAGE, bodyMac: "00".repeat(16) },
    rejection: {
      reasons: [`n: of ${some.join()}`],
      ...(random.chance(0.3) ? {} : { records: some }),
      sealed: { keyId: "AAAAAAAA", bytes: Buffer.from(`sealed ${id} ${some.join()}`) },
    },
  };
}

export function describeEntries(entries: readonly Entry[]): string {
  return entries
    .map((entry) => {
      const what =
        entry.kind === "row"
          ? `row ${entry.cells[0] ?? ""} ${Buffer.from(entry.idempotency ?? "", "hex").toString()}`
          : `rejects ${entry.rejection.records?.join() ?? "all"}`;
      return `${keyOf(entry)} of ${entry.sentAt ?? "?"} (${what.trim()})`;
    })
    .join(", ");
}

export function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`nothing at ${index}`);
  return item;
}
