// Sets flags from environment variables, unless the command line sets them.
import type { Command, Option } from "commander";
import {
  IDLE_WITH,
  inVariable,
  PREFIX,
  SECRET_IN_VARIABLE,
  variableOf,
  whyNoVariable,
} from "../config/flag-variables.ts";
import type { Problems } from "../config/readers.ts";
import { VARIABLES } from "./environment.ts";

/** Whether help says that the option has no variable. */
export function lacksVariable({ long = "" }: Option, command: Command): boolean {
  return /^(safeguard|request)$/.test(whyNoVariable(long, wordsOf(command)) ?? "");
}

/** The words of a command, without the program's name: `quarantine replay`. */
export function wordsOf(command: Command): string {
  return ancestry(command)
    .slice(0, -1)
    .map((each) => each.name())
    .toReversed()
    .join(" ");
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

/**
 * Sets the options of the command and of the program from `env`, unless the command line sets them. Values are not checked here, but the
 * variable of an option without a value must be `true`, `1`, `false` or `0`. Adds mistakes to `problems`, such as a password on the command
 * line.
 */
export function readVariables(command: Command, env: NodeJS.ProcessEnv, problems: Problems): void {
  const options = ancestry(command).flatMap((owner) => owner.options.map((option) => ({ owner, option })));
  const words = wordsOf(command);
  const isOn = (flag: string | undefined): boolean =>
    options.some(
      ({ owner, option }) => option.long === flag && owner.getOptionValue(option.attributeName()) === true,
    );
  // Options without a value first, because others depend on them.
  for (const { owner, option } of options.toSorted(
    (a, b) => Number(a.option.required) - Number(b.option.required),
  )) {
    const variable = variableOf(option.long ?? "", words);
    const text = variable === undefined ? "" : (env[variable] ?? "");
    const key = option.attributeName();
    if (owner.getOptionValueSource(key) === "cli") {
      const given: unknown = owner.getOptionValue(key);
      if (SECRET_IN_VARIABLE.has(option.long ?? "") && hasCredentials(String(given))) {
        problems.add(
          `${option.long ?? ""} must not contain a user or a password, which other users can see in the process list. Set ${variable ?? ""} instead.`,
        );
      }
      continue;
    }
    if (text === "" || isOn(IDLE_WITH.get(option.long ?? ""))) continue;
    const value = option.required ? text : BOOLEANS.get(text);
    if (value === undefined)
      problems.add(`${variable ?? ""} must be one of: ${[...BOOLEANS.keys()].join(", ")}.`);
    else owner.setOptionValueWithSource(key, value, "env");
  }
}

const OURS = new RegExp(`^${PREFIX}\\w+$`);

/** A sentence for each `FETCH_ETL_` variable that no command of the program reads. */
export async function ignoredVariables(program: Command, env: NodeJS.ProcessEnv): Promise<string[]> {
  const known = new Set(VARIABLES);
  const flags = new Map<string, string>();
  for (const command of withSubcommands(program)) {
    for (const { long = "" } of command.options) {
      const variable = variableOf(long, wordsOf(command));
      if (variable !== undefined) known.add(variable);
      flags.set(PREFIX + inVariable(long), long);
    }
  }
  const ignored = Object.keys(env).filter((name) => OURS.test(name) && !known.has(name));
  if (ignored.length === 0) return [];
  const { nearest } = await import("../mapping/nearest.ts");
  const ends = [...known].filter((name) => OURS.test(name)).map((name) => name.slice(PREFIX.length));
  return ignored.toSorted().map((name) => {
    const flag = flags.get(name);
    if (flag !== undefined) return `${name} is ignored: ${flag} works only on the command line.`;
    const meant = nearest(name.slice(PREFIX.length), ends);
    const hint = meant === undefined ? "" : ` Did you mean ${PREFIX}${meant}?`;
    return `${name} is ignored: fetch-etl has no such setting.${hint}`;
  });
}

function hasCredentials(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { username, password } = new URL(url);
  return username !== "" || password !== "";
}

/** The command, then its group if it has one, and the program. */
function ancestry(command: Command): Command[] {
  return command.parent === null ? [command] : [command, ...ancestry(command.parent)];
}

/** A command, then its subcommands with theirs. */
export function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}
