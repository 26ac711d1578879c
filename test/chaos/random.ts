// Randomness that can be repeated.

/** The seed of this run; `CHAOS_SEED` repeats one. */
export const SEED = Number(process.env["CHAOS_SEED"] ?? Date.now() % 1_000_000);
