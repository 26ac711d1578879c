// Colors, numbers, and text that is safe to show on a terminal.
import { Chalk, type ChalkInstance } from "chalk";
import { count } from "../../failure.ts";
import type { Output } from "../output.ts";
export { count, printable } from "../../failure.ts";

export type Style = ChalkInstance;

/** Colors for one stream. On its own, chalk looks only at stdout, and not at NO_COLOR (no-color.org). */
export function styleFor(output: Output, env: NodeJS.ProcessEnv): Style {
  return new Chalk({ level: hasColor(output, env) ? 1 : 0 });
}

/** Follows NO_COLOR (no-color.org) and FORCE_COLOR. Without them, a terminal that supports color gets it. */
function hasColor({ isTerminal }: Output, env: NodeJS.ProcessEnv): boolean {
  const forced = env["FORCE_COLOR"] ?? "";
  if (forced !== "") return forced !== "0" && forced !== "false";
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  return isTerminal && env["TERM"] !== "dumb";
}

/** `1 message`, `2 messages`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** The maximum number of items in a list. */
const MOST_LISTED = 10;

/** `a, b and 4 others`. */
export function listText(items: readonly string[]): string {
  const shown = items.slice(0, MOST_LISTED).join(", ");
  const others = items.length - MOST_LISTED;
  return others > 0 ? `${shown} and ${plural(others, "other")}` : shown;
}
