// Counts messages by the reasons for which they stay in the quarantine.
import { grouped, type ReasonGroup } from "../mapping/reason-group.ts";

export interface CountedReason {
  readonly reason: string;
  /** Messages. */
  readonly count: number;
  /** The id of the first of them. */
  readonly example: string;
}

/** Maximum number of reasons that are told apart; later ones count as {@link OTHER_REASON}. */
const MOST_REASONS = 1_000;
const OTHER_REASON = "another reason";

/** A message with two reasons counts for both. */
export class ReasonCounts {
  readonly #counts = new Map<string, { count: number; readonly example: string }>();
  readonly #group: ReasonGroup | undefined;

  constructor(group: ReasonGroup | undefined) {
    this.#group = group;
  }

  /** @param reasons of one message; those of records count once, without the record */
  add(messageId: string, reasons: readonly string[]): void {
    for (const reason of new Set(grouped(reasons, this.#group).map(withoutRecord))) {
      const isKnown = this.#counts.has(reason) || this.#counts.size < MOST_REASONS;
      const name = isKnown ? reason : OTHER_REASON;
      const found = this.#counts.get(name);
      if (found === undefined) this.#counts.set(name, { count: 1, example: messageId });
      else found.count += 1;
    }
  }

  /** Most messages first. */
  get list(): CountedReason[] {
    return [...this.#counts]
      .map(([reason, counted]) => ({ reason, ...counted }))
      .toSorted((one, other) => other.count - one.count || (one.reason < other.reason ? -1 : 1));
  }
}

function withoutRecord(reason: string): string {
  return reason.replace(/^record \d+: /, "");
}
