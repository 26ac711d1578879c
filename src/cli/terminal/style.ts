// Colour, and text that is safe to show on a terminal.
import { Chalk, type ChalkInstance } from "chalk";
import type { Output } from "../context.ts";

/** Colours for one stream. Chalk by itself looks at stdout alone, and not at NO_COLOR (no-color.org). */
export function styleFor(output: Output, env: NodeJS.ProcessEnv): ChalkInstance {
  return new Chalk({ level: hasColor(output, env) ? 1 : 0 });
}

/** Replaces control characters, with which a message could move the cursor or colour what follows. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{FFFD}");
}

/** A number with thousands separated, the same everywhere. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** `1 message`, `2 messages`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** By NO_COLOR (no-color.org) and FORCE_COLOR; without them a terminal that can show it does. */
export function hasColor(output: Output, env: NodeJS.ProcessEnv): boolean {
  const forced = env["FORCE_COLOR"] ?? "";
  if (forced !== "") return forced !== "0" && forced !== "false";
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  return output.isTerminal && env["TERM"] !== "dumb";
}
