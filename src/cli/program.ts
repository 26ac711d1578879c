// commander's tree. The commands' names and flags are in definitions/, what they do in commands/.
import { CliCommand, type ActionFor } from "./command.ts";
import type { Context } from "./context.ts";
import { defineLoading } from "./definitions/loading.ts";
import { defineQuarantine } from "./definitions/quarantine.ts";
import { defineRecovery } from "./definitions/recovery.ts";
import { defineSetup } from "./definitions/setup.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { ENVIRONMENT } from "./environment.ts";

export interface Program {
  readonly command: CliCommand;
  /** The exit code of the command that ran; undefined while none has. */
  readonly exitCode: () => number | undefined;
}

/**
 * Builds the command line. Commands are imported when they run, so that help is quick.
 *
 * @param openContext makes what a command is handed
 */
export function createProgram(version: string, openContext: () => Promise<Context>): Program {
  let exitCode: number | undefined;
  const action: ActionFor =
    (run) =>
    async (...given) => {
      const [flags, command] = given.slice(-2) as LastTwo<typeof given>;
      exitCode = await run(flags, await openContext(), command.args);
    };

  const program = new CliCommand("fetch-etl")
    .description(
      "Drains JSON login messages from an SQS queue into the Postgres table\nuser_logins, with ip and device_id masked. Runs once and exits.",
    )
    .version(version)
    .option("--debug", "add the stack to an error message")
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError("(fetch-etl --help shows the commands and their flags)")
    .addHelpText("afterAll", `\n${sharedHelp()}`);
  defineLoading(program, action);
  defineQuarantine(program, action);
  defineRecovery(program, action);
  defineSetup(program, action);
  return { command: program, exitCode: () => exitCode };
}

type LastTwo<T extends readonly unknown[]> = T extends readonly [...unknown[], infer A, infer B]
  ? [A, B]
  : never;

function sharedHelp(): string {
  const variables = ENVIRONMENT.map(([name, meaning]) => `  ${name}\n      ${meaning}`);
  const codes = EXIT_CODES.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`);
  return [
    "Environment (a .env file in the working folder is read too):",
    ...variables,
    "",
    "Exit codes:",
    ...codes,
  ].join("\n");
}
