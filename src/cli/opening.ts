// Waits for a connection. No message is in flight yet, so a signal or the time limit ends the wait at once.
import { duration, type Problems } from "../config/readers.ts";
import type { Clock } from "../drain/clock.ts";
import { isRetryable } from "../drain/ports.ts";
import { Failure, Missing } from "../failure.ts";
import type { Log } from "./log/log.ts";
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

const A_DAY_IN_SECONDS = 86_400;

/** The seconds of `--wait`, 0 without it; a mistake is added to `problems`. */
export function readWait(flag: string | undefined, problems: Problems): number {
  return duration(flag, "--wait", "second", { min: 0, max: A_DAY_IN_SECONDS }, problems) ?? 0;
}

export interface WaitLimits {
  readonly clock: Clock;
  readonly log: Pick<Log, "note">;
  /** How long to try again, counted from `started`, seconds; 0 for one attempt. */
  readonly waitSeconds: number;
  /** When the command started, by the clock. */
  readonly started: number;
  /** Ends the wait for the next attempt. */
  readonly stop?: AbortSignal;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Opens a connection to a server that may still be starting: tries again while it is unreachable, refuses the request, or has no such
 * queue or database. Logs one line when the wait begins. The last attempt is at the time limit.
 *
 * @throws the error of the last attempt; if it is a `Failure`, with the length of the wait, or without one with the flag that sets it
 */
export async function whenReady<T>(
  open: () => Promise<T>,
  { clock, log, waitSeconds, started, stop }: WaitLimits,
): Promise<T> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      return await open();
    } catch (error) {
      const left = started + waitSeconds * 1000 - clock.now();
      const isFirst = pause === FIRST_PAUSE_MS;
      if (!mayBeStarting(error) || left <= 0)
        throw waitSeconds === 0 ? withHint(error) : isFirst ? error : withWait(error, clock.now() - started);
      if (isFirst)
        log.note(
          `${error.message} Trying again for up to ${plural(Math.ceil(left / 1000), "second")} (--wait).`,
        );
      await clock.wait(Math.min(pause, left), stop);
      if (stop?.aborted === true) throw error;
    }
  }
}

function mayBeStarting(error: unknown): error is Error {
  return error instanceof Missing || isRetryable(error);
}

/** `--retry-for` begins only when the servers have answered once, because a wrong address is more likely before. */
function withHint(error: unknown): unknown {
  if (!(error instanceof Failure) || error.kind !== "unavailable") return error;
  return new Failure(error.kind, `${error.message} To wait for it at the start, set --wait.`, error);
}

function withWait(error: unknown, waitedMs: number): unknown {
  if (!(error instanceof Failure)) return error;
  const waited = plural(Math.round(waitedMs / 1000), "second");
  return new Failure(error.kind, `${error.message} fetch-etl waited ${waited} (--wait).`, error);
}
