// The values an option accepts. Help, completion and manual page read them from here.
import { Option } from "commander";

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
