// The counts of a run.
import { grouped, type ReasonGroup } from "../mapping/reason-group.ts";

/** Messages and records by outcome. A message is one record, unless its mapping names a list of `records`. */
export interface Counts {
  /** Deliveries that SQS returned. */
  received: number;
  /** Records that became new rows. */
  loaded: number;
  /** Records that were loaded or quarantined before, and deliveries of a message that is in flight in this run. */
  duplicates: number;
  /** Records that went into the quarantine. */
  quarantined: number;
  /** Records that the mapping's `when` leaves out, with `unmatched: skip`, and empty lists of records. */
  skipped: number;
  /**
   * Deliveries of a message that breaks the contract or that Postgres refuses, and that stays in the queue because of
   * `--on-reject leave`: not quarantined, deleted or released.
   */
  left: number;
  /** Messages deleted from the queue. */
  deleted: number;
  /** Messages made visible again. */
  released: number;
  /** By column: values that could not be read and were stored as NULL (`invalid: set_null`). */
  readonly invalid: Map<string, number>;
  /** By reason, without values: rejected messages. One with two reasons counts for both, and each of its deliveries counts. */
  readonly reasons: Map<string, number>;
  /** The same as people read it: a message that lacks every field counts for one reason. */
  readonly shownReasons: Map<string, number>;
}

/** Maximum number of reasons that are counted. A mapping has fewer, but a trigger can name any constraint. */
const MOST_REASONS = 1_000;

/** What stands for reasons that a message has too many of. */
const CUT_OFF = /^[\d,]+ other reasons$/;

/** Counts a rejected message for each of its reasons, wherever in the message they occur. */
export function countReasons(
  counts: Pick<Counts, "reasons" | "shownReasons">,
  reasons: readonly string[],
  group?: ReasonGroup,
): void {
  countEach(counts.reasons, reasons);
  countEach(counts.shownReasons, grouped(reasons, group));
}

function countEach(counted: Map<string, number>, reasons: readonly string[]): void {
  for (const reason of new Set(reasons.map((each) => each.replace(/^record \d+: /, "")))) {
    if (CUT_OFF.test(reason)) continue;
    const before = counted.get(reason);
    if (before !== undefined || counted.size < MOST_REASONS) counted.set(reason, (before ?? 0) + 1);
  }
}

/** Messages that were rejected for a reason. */
export interface ReasonCount {
  readonly reason: string;
  readonly count: number;
}

/** Most frequent first, then in the order of the alphabet. */
export function frequentReasons(reasons: ReadonlyMap<string, number>): ReasonCount[] {
  return [...reasons]
    .map(([reason, count]) => ({ reason, count }))
    .sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));
}

/** Records with a final outcome; the others are in flight or were released. */
export function settledOf({ loaded, duplicates, quarantined, skipped, left }: Readonly<Counts>): number {
  return loaded + duplicates + quarantined + skipped + left;
}

/** What the outcomes count: records, where they are more than the messages. */
export function unitOf(counts: Readonly<Counts>): "message" | "record" {
  return settledOf(counts) > counts.received ? "record" : "message";
}

export function newCounts(): Counts {
  return {
    ...{
      received: 0,
      loaded: 0,
      duplicates: 0,
      quarantined: 0,
      skipped: 0,
      left: 0,
      deleted: 0,
      released: 0,
    },
    invalid: new Map(),
    reasons: new Map(),
    shownReasons: new Map(),
  };
}
