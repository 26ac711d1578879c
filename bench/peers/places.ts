// Where the peers' sources are, and where they are built.
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** This file runs in `dist/bench/peers`, and for tests in `bench/peers`. */
const BUILT = new URL("../..", import.meta.url).pathname.endsWith("/dist/");
const ROOT = fileURLToPath(new URL(BUILT ? "../../.." : "../..", import.meta.url));

/** A path in the folder of a peer's sources. */
export function source(peer: string, ...path: readonly string[]): string {
  return join(ROOT, "bench", "peers", peer, ...path);
}

/** A path in the folder that a peer is built into. Git ignores it. */
export function built(peer: string, ...path: readonly string[]): string {
  return join(ROOT, ".cache", "peers", peer, ...path);
}
