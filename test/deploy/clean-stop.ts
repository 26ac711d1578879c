// How long a drain takes to end, for the engines that have to wait for it.
import { readFileSync } from "node:fs";

/** Seconds within which a drain ends that was told to, whatever does not answer (docs/reliability.md). */
export const CLEAN_STOP_SECONDS = promised();

function promised(): number {
  const reliability = readFileSync(new URL("../../docs/reliability.md", import.meta.url), "utf8");
  const [, seconds] = /a signal arrives +\| exits within (\d+) s,/.exec(reliability) ?? [];
  if (seconds === undefined)
    throw new Error("docs/reliability.md does not say within how many seconds a drain exits");
  return Number(seconds);
}

/** The time limit that arguments set for a drain, seconds. */
export function maxSeconds(args: readonly string[] = []): number {
  return Number(args[args.indexOf("--max-seconds") + 1]);
}
