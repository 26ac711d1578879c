// commander's tree: names, flags and help. What a command does is in commands/.
import { Command } from "commander";
import { DRAIN_DEFAULTS, PEEK_DEFAULTS } from "../config/defaults.ts";
import type { DrainFlags } from "../config/drain.ts";
import type { KeygenFlags } from "./commands/keygen.ts";
import type { PeekFlags } from "./commands/peek.ts";
import type { VerifyFlags } from "./commands/verify.ts";
import type { Context } from "./context.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { ENVIRONMENT } from "./environment.ts";

export interface Program {
  readonly command: Command;
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
  const action =
    <Flags>(run: (flags: Flags, context: Context) => Promise<number>) =>
    async (flags: Flags): Promise<void> => {
      exitCode = await run(flags, await openContext());
    };

  const program = new Command("fetch-etl")
    .description(
      "Drains JSON login messages from an SQS queue into the Postgres table user_logins,\nwith ip and device_id masked. Runs once and exits.",
    )
    .version(version)
    .option("--debug", "add the stack to an error message")
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError("(fetch-etl --help shows the commands and their flags)")
    .addHelpText("after", `\n${sharedHelp()}`);

  withQueueOptions(program.command("drain"))
    .summary("load every message of the queue, then exit")
    .description("Receives until the queue is empty, masks, loads, deletes what is committed, then exits.")
    .option("--concurrency <n>", "most receives under way at once", String(DRAIN_DEFAULTS.concurrency))
    .option("--batch-size <n>", "most rows a statement", String(DRAIN_DEFAULTS.batchSize))
    .option("--max-messages <n>", "stop after n messages")
    .option("--max-seconds <n>", "stop after n seconds")
    .option(
      "--retry-for <seconds>",
      "how long to wait for SQS or Postgres when it goes away",
      String(DRAIN_DEFAULTS.retryFor),
    )
    .option(
      "--ledger-days <n>",
      "prune the ledger of loaded messages after n days",
      String(DRAIN_DEFAULTS.ledgerDays),
    )
    .option("--app-version <style>", "full stores 2.3.1 as 2003001, major as 2", "full")
    .option("--fail-on-quarantine", "exit 3 when a message was quarantined")
    .option("--dry-run", "receive, decode, mask and count, then give everything back")
    .option("--json", "print the report as one JSON object")
    .option("--quiet", "print nothing but warnings and errors")
    .addHelpText("after", `\n${sharedHelp()}`)
    .action(
      action(async (flags: DrainFlags, context) =>
        (await import("./commands/drain.ts")).runDrain(flags, context),
      ),
    );

  withQueueOptions(program.command("peek"))
    .summary("show messages, masked, and leave them in the queue")
    .description("Shows messages, masked, and leaves every one of them in the queue.")
    .option("--count <n>", "most messages to show", String(PEEK_DEFAULTS.count))
    .option("--raw", "show the bodies as they are, personal data included")
    .option("--force", "look even where it may move a message to the dead-letter queue")
    .option("--json", "print one JSON object a message")
    .option("--quiet", "print nothing but messages, warnings and errors")
    .addHelpText("after", `\n${sharedHelp()}`)
    .action(
      action(async (flags: PeekFlags, context) =>
        (await import("./commands/peek.ts")).runPeek(flags, context),
      ),
    );

  withQueueOptions(program.command("verify"))
    .summary("count and check the rows and what is left in the queue")
    .description("Counts and checks the rows, the quarantine and what is left in the queue. Changes nothing.")
    .option("--expect <n>", "exit 4 when user_logins does not have n rows")
    .option("--json", "print the result as one JSON object")
    .option("--quiet", "print nothing but warnings and errors")
    .addHelpText("after", `\n${sharedHelp()}`)
    .action(
      action(async (flags: VerifyFlags, context) =>
        (await import("./commands/verify.ts")).runVerify(flags, context),
      ),
    );

  program
    .command("keygen")
    .summary("print a new masking key as a line for .env")
    .description("Prints a new masking key as a line for .env: fetch-etl keygen >> .env")
    .option("--force", "print one although .env has one already")
    .action(
      action(async (flags: KeygenFlags, context) =>
        (await import("./commands/keygen.ts")).runKeygen(flags, context),
      ),
    );

  return { command: program, exitCode: () => exitCode };
}

function withQueueOptions(command: Command): Command {
  return command
    .option("--queue <name or URL>", "the queue (FETCH_ETL_QUEUE; default login-queue)")
    .option("--endpoint-url <url>", "SQS endpoint, for a server of your own (AWS_ENDPOINT_URL_SQS)")
    .option("--region <region>", "AWS region (AWS_REGION)")
    .option("--sqs-protocol <protocol>", "auto, json or query (FETCH_ETL_SQS_PROTOCOL; default auto)");
}

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
