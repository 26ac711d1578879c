// The commander program. Each command has a folder in commands/: command.ts defines its flags, run.ts runs it.
import type { Command } from "commander";
export { CommanderError } from "commander";
import { CliCommand, type ActionFor, type Run } from "./command.ts";
import { LOG_FORMATS, type LogFlags } from "../config/log-format.ts";
import type { Context, ReadFlags } from "./context.ts";
import { defineCompletion } from "./commands/completion/command.ts";
import { defineDoctor } from "./commands/doctor/command.ts";
import { defineDrain } from "./commands/drain/command.ts";
import { defineForget } from "./commands/forget/command.ts";
import { defineHelp } from "./commands/help/command.ts";
import { defineInit } from "./commands/init/command.ts";
import { defineKeygen } from "./commands/keygen/command.ts";
import { defineLog } from "./commands/log/command.ts";
import { defineMapping } from "./commands/mapping/command.ts";
import { defineMask } from "./commands/mask/command.ts";
import { definePeek } from "./commands/peek/command.ts";
import { defineQuarantine } from "./commands/quarantine/command.ts";
import { defineReveal } from "./commands/reveal/command.ts";
import { defineRotate } from "./commands/rotate/command.ts";
import { defineStatus } from "./commands/status/command.ts";
import { defineVerify } from "./commands/verify/command.ts";
import { choice } from "./option.ts";
import { ignoredVariables, readVariables } from "./variables.ts";
export { withSubcommands } from "./variables.ts";

export interface Program {
  readonly command: CliCommand;
  /** The exit code of the command that ran; undefined if none has. */
  readonly exitCode: () => number | undefined;
}

/**
 * Builds the command line. Commands are imported when they run, so that help is fast.
 *
 * @param openContext creates the context of the command, and reads the variables of its flags
 */
export function createProgram(
  version: string,
  openContext: (readFlags: ReadFlags) => Promise<Context>,
): Program {
  let exitCode: number | undefined;
  const action: ActionFor = <Flags extends object>(load: () => Promise<Run<Flags>>) =>
    async function (this: Command) {
      // Load the command first: once the context is open, a signal ends the process at once until the command catches signals.
      const run = await load();
      const context = await openContext((env, problems) => {
        readVariables(this, env, problems);
        return this.optsWithGlobals<LogFlags>();
      });
      for (const sentence of await ignoredVariables(program, context.env)) context.log.warn(sentence);
      exitCode = await run(this.opts<Flags>(), context, this.args);
    };

  const program = new CliCommand("fetch-etl")
    .summary("load messages from SQS into Postgres, with the personal fields masked")
    .description(
      "Loads JSON messages from an SQS queue into a Postgres table, with personal fields masked. Runs once and exits. Without a mapping, the messages are logins and the table is user_logins.",
    )
    .version(version)
    .option("--debug", "show where an error happened")
    .addOption(
      choice("--log-format <format>", LOG_FORMATS, "log format on stderr").default(undefined, "text"),
    )
    .usage("<command> [options]")
    .example("fetch-etl keygen >> .env", "create a masking key, once")
    .example("fetch-etl peek --count 5", "show five messages")
    .example("fetch-etl drain", "load every message in the queue")
    .example("fetch-etl verify", "count and check the loaded rows");
  program.commandsGroup("Load:");
  for (const define of [defineDrain, definePeek, defineStatus, defineVerify, defineQuarantine])
    define(program, action);
  program.commandsGroup("Personal data:");
  for (const define of [defineMask, defineReveal, defineForget, defineRotate, defineLog])
    define(program, action);
  program.commandsGroup("Set up:");
  for (const define of [defineKeygen, defineInit, defineMapping, defineDoctor]) define(program, action);
  program.commandsGroup("Help:");
  defineCompletion(program);
  defineHelp(program);
  return { command: program, exitCode: () => exitCode };
}
