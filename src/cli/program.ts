// commander's tree: names, flags and help. What a command does is in commands/.
import { Command } from "commander";
import { DRAIN_DEFAULTS, PEEK_DEFAULTS } from "../config/defaults.ts";
import type { DrainFlags } from "../config/drain.ts";
import type { ForgetFlags } from "./commands/forget.ts";
import type { KeygenFlags } from "./commands/keygen.ts";
import type { MaskFlags } from "./commands/mask.ts";
import type { PeekFlags } from "./commands/peek.ts";
import type { QuarantineListFlags } from "./commands/quarantine/list.ts";
import type { QuarantinePurgeFlags } from "./commands/quarantine/purge.ts";
import type { QuarantineReplayFlags } from "./commands/quarantine/replay.ts";
import type { QuarantineShowFlags } from "./commands/quarantine/show.ts";
import type { RevealFlags } from "./commands/reveal.ts";
import type { RotateFlags } from "./commands/rotate.ts";
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
    <Flags extends object>(
      run: (flags: Flags, context: Context, args: readonly string[]) => Promise<number>,
    ) =>
    async (...given: [...unknown[], Flags, Command]): Promise<void> => {
      const command = given.at(-1) as Command;
      exitCode = await run(command.opts<Flags>(), await openContext(), command.args);
    };

  const program = new Command("fetch-etl")
    .description(
      "Drains JSON login messages from an SQS queue into the Postgres table user_logins,\nwith ip and device_id masked. Runs once and exits.",
    )
    .version(version)
    .option("--debug", "add the stack to an error message")
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError("(fetch-etl --help shows the commands and their flags)")
    .addHelpText("afterAll", `\n${sharedHelp()}`);

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
    .action(
      action(async (flags: PeekFlags, context) =>
        (await import("./commands/peek.ts")).runPeek(flags, context),
      ),
    );

  withQueueOptions(program.command("verify"))
    .summary("count and check the rows and what is left in the queue")
    .description("Counts and checks the rows, the quarantine and what is left in the queue. Changes nothing.")
    .option("--expect <n>", "exit 4 when user_logins does not have n rows")
    .option("--app-version <style>", "how the rows' versions were stored: full or major", "full")
    .option("--html <file>", "write the result as a page too, with charts")
    .option("--json", "print the result as one JSON object")
    .option("--quiet", "print nothing but warnings and errors")
    .action(
      action(async (flags: VerifyFlags, context) =>
        (await import("./commands/verify.ts")).runVerify(flags, context),
      ),
    );

  program
    .command("mask")
    .summary("print the token of a value, to look for it in the table")
    .description(
      "Prints the tokens of values, one a line: from arguments or, better, from standard input, one value a line,\nbecause arguments show in the list of processes.",
    )
    .argument("[values...]", "addresses or device ids; without them standard input is read")
    .requiredOption("--field <field>", "ip or device_id")
    .option("--key-id <id>", "use the configured masking key with this id, not the first one")
    .option("--json", "print one JSON object")
    .action(
      action(async (flags: MaskFlags, context, values) =>
        (await import("./commands/mask.ts")).runMask(values, flags, context),
      ),
    );

  program
    .command("reveal")
    .summary("open the values behind tokens; leaves a record")
    .description(
      "Opens the values behind tokens with an age identity. Who, when, why and which tokens is written to\nfetch_etl.reveal_log before anything is printed.",
    )
    .argument("[tokens...]", "tokens; without them standard input is read, one a line")
    .requiredOption("--identity <file>", "age identity file, as age-keygen writes it")
    .requiredOption("--reason <text>", "why, for the record")
    .option("--json", "print one JSON object")
    .action(
      action(async (flags: RevealFlags, context, tokens) =>
        (await import("./commands/reveal.ts")).runReveal(tokens, flags, context),
      ),
    );

  program
    .command("forget")
    .summary("delete the values behind tokens for ever; leaves a record")
    .description(
      "Deletes what the vault holds for tokens. The rows keep their tokens. Recorded in fetch_etl.reveal_log.",
    )
    .argument("[tokens...]", "tokens; without them standard input is read, one a line")
    .requiredOption("--reason <text>", "why, for the record")
    .option("--json", "print one JSON object")
    .action(
      action(async (flags: ForgetFlags, context, tokens) =>
        (await import("./commands/forget.ts")).runForget(tokens, flags, context),
      ),
    );

  program
    .command("rotate")
    .summary("bring rows and vault from earlier masking keys to the first one")
    .description(
      "Masks rows and vault anew under the first masking key, in batches that can be killed at any moment and run again.",
    )
    .requiredOption("--identity <file>", "age identity file, as age-keygen writes it")
    .option("--json", "print one JSON object")
    .option("--quiet", "print nothing but warnings and errors")
    .action(
      action(async (flags: RotateFlags, context) =>
        (await import("./commands/rotate.ts")).runRotate(flags, context),
      ),
    );

  const quarantine = program
    .command("quarantine")
    .summary("work off the messages that were turned away")
    .description("Lists, shows, replays and purges the messages in fetch_etl.quarantine.");
  quarantine
    .command("list")
    .summary("count them by reason")
    .description("Counts the quarantined messages by reason, with the oldest of each.")
    .option("--json", "print one JSON object")
    .action(
      action(async (flags: QuarantineListFlags, context) =>
        (await import("./commands/quarantine/list.ts")).runQuarantineList(flags, context),
      ),
    );
  quarantine
    .command("show")
    .summary("show one message")
    .description(
      "Shows one quarantined message: its reasons and, with --raw, its body, opened with the masking key.",
    )
    .argument("<id>", "the message's id")
    .option("--raw", "open the body, personal data included")
    .option("--json", "print one JSON object")
    .action(
      action(async (flags: QuarantineShowFlags, context, [id]) =>
        (await import("./commands/quarantine/show.ts")).runQuarantineShow(id ?? "", flags, context),
      ),
    );
  quarantine
    .command("replay")
    .summary("decode them again, and load what passes now")
    .description(
      "Opens the held bodies with the masking keys, decodes them anew, loads what passes now, once, and marks it.",
    )
    .option("--app-version <style>", "full stores 2.3.1 as 2003001, major as 2", "full")
    .option("--json", "print one JSON object")
    .action(
      action(async (flags: QuarantineReplayFlags, context) =>
        (await import("./commands/quarantine/replay.ts")).runQuarantineReplay(flags, context),
      ),
    );
  quarantine
    .command("purge")
    .summary("delete old ones")
    .description("Deletes quarantined messages for ever.")
    .requiredOption("--older-than <days>", "only those that were quarantined so many days ago or earlier")
    .option("--json", "print one JSON object")
    .action(
      action(async (flags: QuarantinePurgeFlags, context) =>
        (await import("./commands/quarantine/purge.ts")).runQuarantinePurge(flags, context),
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
