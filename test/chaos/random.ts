// Randomness that can be repeated.
import { FULL } from "./invariant.ts";

const ASKED_FOR = process.env["CHAOS_SEED"];

/** The seed of this run; `CHAOS_SEED` repeats one. */
export const SEED = Number(ASKED_FOR ?? Date.now() % 1_000_000);

/** For comparisons of a model with a server: without `CHAOS=full`, always the same, so that no run fails by chance. */
export const MODEL_SEED = FULL || ASKED_FOR !== undefined ? SEED : 1;
