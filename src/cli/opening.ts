// Waits for a connection. No message is in flight yet, so a signal or the time limit ends the wait at once.
import type { Clock } from "../drain/clock.ts";
import { Failure } from "../failure.ts";
import { plural } from "./terminal/style.ts";

export interface OpeningLimits {
  readonly clock: Clock;
  /** Aborted at the first signal. */
  readonly stop: AbortSignal;
  /** Measured from the start of the command; undefined for no limit. */
  readonly maxSeconds?: number | undefined;
  /** When the command started, by the clock. */
  readonly started?: number;
}

/**
 * @param what the server's name, for the error message
 * @param work continues after the wait has ended; its result is then closed
 * @returns undefined if a signal came first
 * @throws {Failure} `unavailable` if the time limit came first; errors of `work` pass through
 */
export async function opened<T extends { close(): unknown }>(
  what: string,
  work: Promise<T>,
  { clock, stop, maxSeconds, started = clock.now() }: OpeningLimits,
): Promise<T | undefined> {
  const over = new AbortController();
  const signalled = new Promise<"signal">((resolve) => {
    const onStop = (): void => {
      resolve("signal");
    };
    if (stop.aborted) onStop();
    else stop.addEventListener("abort", onStop, { signal: over.signal });
  });
  const ends: Promise<T | "signal" | "late">[] = [work, signalled];
  if (maxSeconds !== undefined) {
    const left = Math.max(0, started + maxSeconds * 1000 - clock.now());
    ends.push(clock.wait(left, over.signal).then(() => "late"));
  }
  try {
    const end = await Promise.race(ends);
    if (end !== "signal" && end !== "late") return end;
    void work.then((late) => late.close()).catch(() => undefined);
    if (end === "signal") return undefined;
    throw new Failure(
      "unavailable",
      `${what} did not answer within ${plural(maxSeconds ?? 0, "second")} (--max-seconds). ` +
        "Check that it is running, or raise --max-seconds.",
    );
  } finally {
    over.abort();
  }
}
