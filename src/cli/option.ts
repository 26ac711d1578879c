// The options that several commands share, and the values that an option accepts.
import { Option } from "commander";
import { DEFAULT_QUEUE, SQS_PROTOCOLS } from "../config/queue.ts";
import { APP_VERSION_STYLES } from "../mapping/login.ts";
import type { CliCommand } from "./command.ts";

/**
 * An option with a fixed set of values. The command checks the value together with all other settings; commander's own `choices()` would
 * stop at the first mistake.
 */
export function choice(flags: string, values: readonly string[], description: string): Option {
  const option = new Option(flags, description);
  option.argChoices = [...values];
  return option;
}

/** The value of an option. */
export interface OptionValue {
  /** As in the help, without brackets: `n`, `name, URL or ARN`. */
  readonly name: string;
  readonly kind: "choice" | "file" | "text";
  /** Empty unless `kind` is `choice`. */
  readonly choices: readonly string[];
}

/** @returns undefined for an option without a value */
export function valueOf({ flags, argChoices }: Option): OptionValue | undefined {
  const name = /[<[]([^<[]+)[\]>]$/.exec(flags)?.[1];
  if (name === undefined) return undefined;
  const kind = argChoices !== undefined ? "choice" : name === "file" ? "file" : "text";
  return { name, kind, choices: argChoices ?? [] };
}

export function withQueueOptions(command: CliCommand): CliCommand {
  return command
    .reads("sqs")
    .addOption(new Option("--queue <name, URL or ARN>", "the queue").default(undefined, DEFAULT_QUEUE))
    .option("--endpoint-url <url>", "custom SQS endpoint, such as LocalStack (or AWS_ENDPOINT_URL_SQS)")
    .option("--region <region>", "AWS region (or AWS_REGION)")
    .addOption(
      choice("--sqs-protocol <protocol>", SQS_PROTOCOLS, "SQS wire protocol").default(undefined, "auto"),
    );
}

/** Which table, for commands that read no mapping. */
function tableOption(): Option {
  return new Option("--table <schema.name>", "target table").default(undefined, "the mapping's table");
}

/** Which message becomes which row of which table. */
export function withMappingOptions(command: CliCommand): CliCommand {
  return command.addOption(mappingOption()).addOption(tableOption());
}

export function mappingOption(): Option {
  return new Option("--mapping <file>", "mapping file").default(undefined, "the built-in mapping");
}

/** @param whom the servers, as the help names them */
export function waitOption(whom: string): Option {
  return new Option("--wait <duration>", `how long to wait at the start for ${whom} to become available`);
}

/** @param meaning of the styles for the command */
export function appVersionOption(meaning = "full stores 2.3.1 as 2003001, major as 2"): Option {
  return choice("--app-version <style>", APP_VERSION_STYLES, meaning).default(undefined, "full");
}
