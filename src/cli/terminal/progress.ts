// A live line for a person who waits at a terminal.
import type { Clock } from "../../drain/clock.ts";
import type { QueueDepth } from "../../drain/ports.ts";
import { settledOf, type Counts } from "../../drain/counts.ts";
import type { Context } from "../context.ts";
import { count } from "./style.ts";
import { durationText, Pace } from "./pace.ts";
import { shorten } from "./table.ts";

const REFRESH_MS = 100;
/** How often the queue is asked what it still holds: one request beside the thousands of a drain that takes as long. */
const DEPTH_MS = 2_000;

export interface Watched {
  /** The queue's name. */
  readonly name: string;
  /** Counts as the run goes on. */
  readonly counts: Readonly<Counts>;
  /** The queue's own count. */
  readonly depth: () => Promise<QueueDepth>;
  /** Aborted when the run was asked to stop. */
  readonly stop: AbortSignal;
  /** After how many messages the run ends by itself, if any. */
  readonly maxMessages: number | undefined;
  readonly dryRun: boolean;
}

/** Shows the counts as they grow, until the function that it returns is called. */
export async function startProgress(context: Context, watched: Watched): Promise<() => void> {
  const { stderr, env, clock } = context;
  // ora hangs on a terminal without a width, and prints lines where it does not draw.
  if (!stderr.isTerminal || stderr.columns === 0 || "CI" in env || env["TERM"] === "dumb")
    return () => undefined;
  // Imported when it is needed: cron should not wait for it.
  const { default: ora } = await import("ora");
  const spinner = ora({
    stream: stderr.stream,
    // It would keep Ctrl-C from the process's own handler.
    discardStdin: false,
    ...(env["NO_COLOR"] === undefined || env["NO_COLOR"] === "" ? {} : { color: false }),
  });
  const over = new AbortController();
  const pace = new Pace();
  let expected: number | undefined;
  void watchDepth(watched, clock, over.signal, (total) => (expected = total));
  const show = (): void => {
    const { name, counts: tally, stop, dryRun, maxMessages = Infinity } = watched;
    const settled = settledOf(tally);
    pace.note(clock.now(), settled);
    const progress: Progress = {
      name,
      verb: dryRun ? "decoded" : "loaded",
      loaded: tally.loaded,
      quarantined: tally.quarantined,
      perSecond: pace.perSecond,
      left:
        expected === undefined || tally.received >= maxMessages ? undefined : Math.max(0, expected - settled),
      stopping: stop.aborted,
    };
    spinner.text = progressText(progress, stderr.columns - SPINNER_WIDTH);
  };
  show();
  spinner.start();
  const timer = setInterval(show, REFRESH_MS);
  const stopDrawing = (): void => void spinner.stop();
  // At a second signal nobody comes to end it, and the shell would write on.
  const stay = context.atExit(stopDrawing);
  return () => {
    over.abort();
    clearInterval(timer);
    stay();
    stopDrawing();
  };
}

/** Tells, again and again, how many messages the run will have settled at its end if nothing more is sent. */
async function watchDepth(
  { counts: tally, depth, maxMessages = Infinity }: Watched,
  clock: Clock,
  over: AbortSignal,
  tell: (expected: number) => void,
): Promise<void> {
  while (!over.aborted) {
    const counted = await depth().catch(() => undefined);
    if (counted !== undefined) tell(Math.min(tally.received + counted.visible, maxMessages));
    await clock.wait(DEPTH_MS, over);
  }
}

/** The spinner, a blank, and the last column, where some terminals wrap. */
const SPINNER_WIDTH = 3;
const LONGEST_NAME = 24;

export interface Progress {
  readonly name: string;
  readonly loaded: number;
  /** What to say of those. */
  readonly verb: "loaded" | "decoded";
  readonly quarantined: number;
  /** Messages a second; undefined while it is not known. */
  readonly perSecond: number | undefined;
  /** Messages that the queue still holds, as far as it can tell; undefined while it is not known. */
  readonly left: number | undefined;
  readonly stopping: boolean;
}

/** One line, with as much as fits into the columns: the count of what is loaded is never left out. */
export function progressText(progress: Progress, columns: number): string {
  const { name, perSecond, left } = progress;
  const loaded = `${count(progress.loaded)} ${progress.verb}`;
  if (progress.stopping) return fitting(columns, [["stopping", loaded]]);
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

function timeLeft(perSecond: number | undefined, left: number | undefined): string[] {
  if (left === undefined || perSecond === undefined) return [];
  if (left === 0) return ["looking for more"];
  return perSecond === 0 ? [] : [`${durationText(left / perSecond)} left`];
}

/** The first of the lines that fits; the last one cut where none does. */
function fitting(columns: number, lines: readonly (readonly string[])[]): string {
  const texts = lines.map((parts) => parts.join(", "));
  return texts.find((text) => text.length <= columns) ?? shorten(texts.at(-1) ?? "", Math.max(columns, 1));
}
