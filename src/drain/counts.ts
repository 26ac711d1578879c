// What a run has counted so far.

/** Messages by what became of them. */
export interface Counts {
  /** Deliveries that SQS handed out. */
  received: number;
  /** New rows in `user_logins`. */
  loaded: number;
  /** Deliveries of a message that was loaded or quarantined before, or is held already. */
  duplicates: number;
  /** New entries in the quarantine. */
  quarantined: number;
  /**
   * Deliveries of a message that breaks the contract, or that the database refuses, and that was left in the queue for it: neither
   * quarantined nor deleted nor given back.
   */
  left: number;
  /** Messages that the queue has deleted. */
  deleted: number;
  /** Messages that were made visible to others again. */
  released: number;
}

/** Deliveries that are done with, in whichever way; the others are held, or were given back. */
export function settledOf({ loaded, duplicates, quarantined, left }: Readonly<Counts>): number {
  return loaded + duplicates + quarantined + left;
}

export function newCounts(): Counts {
  return { received: 0, loaded: 0, duplicates: 0, quarantined: 0, left: 0, deleted: 0, released: 0 };
}
