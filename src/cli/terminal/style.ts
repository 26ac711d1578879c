// Colors, numbers, and text that is safe to show on a terminal.
import { styleText } from "node:util";
import type { Output } from "../output.ts";
export { printable } from "../../failure.ts";

type Format = "bold" | "cyan" | "dim" | "green" | "red" | "yellow";
export type Style = Readonly<Record<Format, (text: string) => string>>;

/** Colors for one stream. */
export function styleFor(output: Output, env: NodeJS.ProcessEnv): Style {
  const isColored = hasColor(output, env);
  const as = (format: Format) => (text: string) =>
    isColored && text !== "" ? styleText(format, text, { validateStream: false }) : text;
  return {
    bold: as("bold"),
    cyan: as("cyan"),
    dim: as("dim"),
    green: as("green"),
    red: as("red"),
    yellow: as("yellow"),
  };
}

/** Follows NO_COLOR (no-color.org) and FORCE_COLOR. Without them, a terminal that supports color gets it. */
function hasColor({ isTerminal }: Output, env: NodeJS.ProcessEnv): boolean {
  const forced = env["FORCE_COLOR"] ?? "";
  if (forced !== "") return forced !== "0" && forced !== "false";
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  return isTerminal && env["TERM"] !== "dumb";
}

/** `1,830`: the one way to write a count. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
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
