// The counts of a run.

/** Messages and deliveries by outcome. */
export interface Counts {
  /** Deliveries that SQS returned. */
  received: number;
  /** New rows in `user_logins`. */
  loaded: number;
  /** Deliveries of a message that was loaded or quarantined before, or is in flight in this run. */
  duplicates: number;
  /** New entries in the quarantine. */
  quarantined: number;
  /**
   * Deliveries of a message that breaks the contract or that Postgres refuses, and that stays in the queue because of
   * `--on-reject leave`: not quarantined, deleted or released.
   */
  left: number;
  /** Messages deleted from the queue. */
  deleted: number;
  /** Messages made visible again. */
  released: number;
}

/** Deliveries with a final outcome; the others are in flight or were released. */
export function settledOf({ loaded, duplicates, quarantined, left }: Readonly<Counts>): number {
  return loaded + duplicates + quarantined + left;
}

export function newCounts(): Counts {
  return { received: 0, loaded: 0, duplicates: 0, quarantined: 0, left: 0, deleted: 0, released: 0 };
}
