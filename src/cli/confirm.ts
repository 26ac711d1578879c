// Asks before something is deleted or changed for ever. Without a terminal, a command needs --yes.
import type { Problems } from "../config/readers.ts";
import { Failure } from "../failure.ts";
import type { Context } from "./context.ts";

export interface ConfirmFlags {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

type Terminals = Pick<Context, "stdin" | "stderr">;

/** Whether the command is to ask a person. */
export function mustAsk({ yes, dryRun }: ConfirmFlags): boolean {
  return yes !== true && dryRun !== true;
}

/**
 * Adds a mistake to `problems` if the command must ask, and nobody can answer.
 *
 * @param what the command, for the sentence, such as `forget`
 * @param readsInput whether the command reads other things from standard input
 */
export function requireAnswer(
  flags: ConfirmFlags,
  what: string,
  { stdin, stderr }: Terminals,
  problems: Problems,
  readsInput = false,
): void {
  if (!mustAsk(flags) || (stdin.isTerminal && stderr.isTerminal && !readsInput)) return;
  const why =
    stdin.isTerminal && stderr.isTerminal
      ? "standard input is used for the items"
      : "standard input or standard error is not a terminal";
  problems.add(
    `${what} asks before it deletes, but ${why}. See what it would do with --dry-run, then add --yes.`,
  );
}

/**
 * Asks a question on standard error, and reads the answer from standard input.
 *
 * @param question such as `Delete for ever?`
 * @throws {Failure} `configuration` if the answer is not yes
 */
export async function confirm(question: string, { stdin, stderr }: Terminals): Promise<void> {
  stderr.write(`${question} [y/N] `);
  const answer = await stdin.readLine();
  if (answer === undefined) stderr.write("\n");
  if (/^y(es)?$/i.test((answer ?? "").trim())) return;
  throw new Failure("configuration", "You did not confirm, so nothing was changed.");
}
