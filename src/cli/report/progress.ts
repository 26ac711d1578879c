// A spinner with live counts, for a person who waits at a terminal.
import type { Tally } from "../../drainer/tally.ts";
import type { Context } from "../context.ts";
import { count } from "./paint.ts";

const REFRESH_MS = 100;

/** Shows the counts as they grow, until the function that it returns is called. */
export async function startProgress(
  context: Context,
  queue: string,
  tally: Readonly<Tally>,
): Promise<() => void> {
  const { stderr, env } = context;
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
  const show = (): void => {
    spinner.text = progressText(queue, tally);
  };
  show();
  spinner.start();
  const timer = setInterval(show, REFRESH_MS);
  return () => {
    clearInterval(timer);
    spinner.stop();
  };
}

function progressText(queue: string, { received, loaded, quarantined, deleted }: Readonly<Tally>): string {
  const rejected = quarantined === 0 ? "" : `, ${count(quarantined)} quarantined`;
  return `${queue}: ${count(received)} received, ${count(loaded)} loaded${rejected}, ${count(deleted)} deleted`;
}
