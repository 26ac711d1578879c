// What commander does not know of an option by itself: which values it takes. Help, completion and manual page read it here.
import { Option } from "commander";

/**
 * An option whose value is one of a few. Its command checks the value, together with everything else that can be wrong: commander's
 * own `choices()` would stop at the first mistake.
 */
export function choice(flags: string, values: readonly string[], description: string): Option {
  const option = new Option(flags, description);
  option.argChoices = [...values];
  return option;
}

/** What follows an option. */
export interface OptionValue {
  /** As it stands in help, without brackets: `n`, `name or URL`. */
  readonly name: string;
  readonly kind: "choice" | "file" | "text";
  /** None but for a choice. */
  readonly choices: readonly string[];
}

/** @returns undefined for an option that takes no value */
export function valueOf({ flags, argChoices }: Option): OptionValue | undefined {
  const name = /[<[]([^<[]+)[\]>]$/.exec(flags)?.[1];
  if (name === undefined) return undefined;
  const kind = argChoices !== undefined ? "choice" : name === "file" ? "file" : "text";
  return { name, kind, choices: argChoices ?? [] };
}
