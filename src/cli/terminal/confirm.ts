// Asks before something is deleted or changed for ever.
import { Failure } from "../../failure.ts";
import type { Context } from "../context.ts";
import { wrapLines } from "./table.ts";

/**
 * Asks on the terminal, and reads a line from standard input. Only `y` and `yes`, in any case, mean yes. Ctrl-C ends the process, as long as
 * the command has not called `catchSignals`.
 *
 * @param question such as `Delete 3 messages for ever?`
 * @param yes the flag `--yes`: no question is asked
 * @returns false after any other answer, after a note that nothing was changed
 * @throws {Failure} `configuration` without `--yes` where nobody can answer: without a terminal on standard input and stderr, or with a
 *   JSON log
 */
export async function confirm(
  { stdin, stderr, log }: Pick<Context, "stdin" | "stderr" | "log">,
  question: string,
  yes: boolean | undefined,
): Promise<boolean> {
  if (yes === true) return true;
  if (!stdin.isTerminal || !stderr.isTerminal || log.format !== "text") {
    throw new Failure(
      "configuration",
      "Nothing was changed: there is no terminal on which to confirm the command. To confirm it, add --yes.",
    );
  }
  stderr.write(`${wrapLines(`${question} [y/N]`, stderr.columns)} `);
  const answer = await stdin.readLine();
  if (answer === undefined) stderr.write("\n");
  if (/^y(es)?$/i.test(answer?.trim() ?? "")) return true;
  log.note("Nothing was changed.");
  return false;
}
