// The progress line on a terminal.
import type { Clock } from "../../drain/clock.ts";
import type { Queue } from "../../drain/ports.ts";
import { settledOf, unitOf, type Counts } from "../../drain/counts.ts";
import type { Outage, Outages } from "../../drain/outages.ts";
import type { Context } from "../context.ts";
import { count } from "./style.ts";
import { durationText, Pace } from "./pace.ts";
import { shorten } from "./table.ts";

const REFRESH_MS = 100;
/** Interval of queue depth requests, milliseconds. A drain makes thousands of other requests in that time. */
const DEPTH_MS = 2_000;

export interface Watched {
  readonly queue: Pick<Queue, "name" | "depth">;
  /** Updated during the run. */
  readonly counts: Readonly<Counts>;
  /** Aborted when the run is asked to stop. */
  readonly stop: AbortSignal;
  readonly outages: Pick<Outages, "current">;
  /** How long a run retries while a server is unavailable, seconds. */
  readonly retryForSeconds: number;
  /** The limit of the run, if any. */
  readonly maxMessages: number | undefined;
  readonly dryRun: boolean;
}

/** Whether stderr can show a progress line. ora hangs on a terminal of width 0, and prints separate lines if it cannot draw. */
export function canShowProgress({ stderr, env }: Pick<Context, "stderr" | "env">): boolean {
  return stderr.isTerminal && stderr.columns > 0 && !("CI" in env) && env["TERM"] !== "dumb";
}

/** Shows the counts until the returned function is called. */
export async function startProgress(context: Context, watched: Watched): Promise<() => void> {
  const { stderr, env, clock } = context;
  // Imported on demand, because cron jobs do not need it.
  const { default: ora } = await import("ora");
  const spinner = ora({
    stream: stderr.stream,
    // Otherwise ora keeps Ctrl-C from our signal handler.
    discardStdin: false,
    ...(env["NO_COLOR"] === undefined || env["NO_COLOR"] === "" ? {} : { color: false }),
  });
  const over = new AbortController();
  const pace = new Pace();
  let expected: number | undefined;
  void watchDepth(watched, clock, over.signal, (total) => (expected = total));
  const show = (): void => {
    const { queue, counts, stop, outages, retryForSeconds, dryRun, maxMessages = Infinity } = watched;
    const settled = settledOf(counts);
    pace.note(clock.now(), settled);
    const outage = outages.current;
    const progress: Progress = {
      name: queue.name,
      verb: dryRun ? "decoded" : "loaded",
      loaded: counts.loaded,
      quarantined: counts.quarantined,
      perSecond: pace.perSecond,
      left:
        expected === undefined || counts.received >= maxMessages || unitOf(counts) === "record"
          ? undefined
          : Math.max(0, expected - settled),
      stopping: stop.aborted,
      waiting: outage && { ...outage, ms: clock.now() - outage.since, ofSeconds: retryForSeconds },
    };
    spinner.text = progressText(progress, stderr.columns - SPINNER_WIDTH);
  };
  show();
  spinner.start();
  const timer = setInterval(show, REFRESH_MS);
  const stopDrawing = (): void => void spinner.stop();
  // After a second signal the process exits at once; this clears the line first.
  const stay = context.atExit(stopDrawing);
  return () => {
    over.abort();
    clearInterval(timer);
    stay();
    stopDrawing();
  };
}

/** Reports regularly how many messages the run will have settled at its end if no more arrive. */
async function watchDepth(
  { queue, counts, maxMessages = Infinity }: Watched,
  clock: Clock,
  over: AbortSignal,
  tell: (expected: number) => void,
): Promise<void> {
  while (!over.aborted) {
    const counted = await queue.depth().catch(() => undefined);
    if (counted !== undefined) tell(Math.min(counts.received + counted.visible, maxMessages));
    await clock.wait(DEPTH_MS, over);
  }
}

/** The spinner, a space, and the last column, where some terminals wrap. */
const SPINNER_WIDTH = 3;
const LONGEST_NAME = 24;

export interface Progress {
  readonly name: string;
  readonly loaded: number;
  /** The word for `loaded`. */
  readonly verb: "loaded" | "decoded";
  readonly quarantined: number;
  /** Messages per second; undefined while unknown. */
  readonly perSecond: number | undefined;
  /** Estimated messages left; undefined while unknown, and where a message has several records. */
  readonly left: number | undefined;
  readonly stopping: boolean;
  /** Undefined while both servers answer. */
  readonly waiting: Waiting | undefined;
}

export interface Waiting extends Pick<Outage, "server" | "code"> {
  /** How long the run has waited, milliseconds. */
  readonly ms: number;
  /** How long it waits at most. */
  readonly ofSeconds: number;
}

/** One line with as much as fits. The number of loaded messages is always shown. */
export function progressText(progress: Progress, columns: number): string {
  const { name, perSecond, left } = progress;
  const loaded = `${count(progress.loaded)} ${progress.verb}`;
  if (progress.stopping) return fitting(columns, [["stopping", loaded]]);
  if (progress.waiting !== undefined) {
    const { waiting, time } = waitingText(progress.waiting);
    return fitting(columns, [
      [`${shorten(name, LONGEST_NAME)}: ${loaded}`, waiting, time],
      [loaded, waiting, time],
      [waiting, time],
      [waiting],
    ]);
  }
  const rate = perSecond === undefined ? [] : [`${count(Math.round(perSecond))}/s`];
  const quarantined = progress.quarantined === 0 ? [] : [`${count(progress.quarantined)} quarantined`];
  const time = timeLeft(perSecond, left);
  return fitting(columns, [
    [`${shorten(name, LONGEST_NAME)}: ${loaded}`, ...rate, ...quarantined, ...time],
    [loaded, ...rate, ...quarantined, ...time],
    [loaded, ...quarantined, ...time],
    [loaded, ...time],
    [loaded],
  ]);
}

function waitingText({ server, code, ms, ofSeconds }: Waiting): { waiting: string; time: string } {
  const waited = Math.min(Math.floor(ms / 1000), ofSeconds);
  return {
    waiting: `waiting for ${server}${code === undefined ? "" : ` (${code})`}`,
    time: `${count(waited)} of ${count(ofSeconds)} s`,
  };
}

function timeLeft(perSecond: number | undefined, left: number | undefined): string[] {
  if (left === undefined || perSecond === undefined) return [];
  if (left === 0) return ["looking for more"];
  return perSecond === 0 ? [] : [`${durationText(left / perSecond)} left`];
}

/** The first line that fits; if none does, the last one, cut. */
function fitting(columns: number, lines: readonly (readonly string[])[]): string {
  const texts = lines.map((parts) => parts.join(", "));
  return texts.find((text) => text.length <= columns) ?? shorten(texts.at(-1) ?? "", Math.max(columns, 1));
}
