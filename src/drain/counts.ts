// The counts of a run.

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
  };
}
