// Where the peers' sources are, and where they are built.
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Relative to `dist/bench/peers`, where this file runs. */
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** A path in the folder of a peer's sources. */
export function source(peer: string, ...path: readonly string[]): string {
  return join(ROOT, "bench", "peers", peer, ...path);
}

/** A path in the folder that a peer is built into. Git ignores it. */
export function built(peer: string, ...path: readonly string[]): string {
  return join(ROOT, ".cache", "peers", peer, ...path);
}
