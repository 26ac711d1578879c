// Colors, numbers, and text that is safe to show on a terminal.
import { Chalk, type ChalkInstance } from "chalk";
import type { Output } from "../context.ts";
import { hasColor } from "./color.ts";

export type Style = ChalkInstance;

/** Colors for one stream. On its own, chalk looks only at stdout, and not at NO_COLOR (no-color.org). */
export function styleFor(output: Output, env: NodeJS.ProcessEnv): Style {
  return new Chalk({ level: hasColor(output, env) ? 1 : 0 });
}

/** Replaces control characters, which could move the cursor or change colors. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{FFFD}");
}

/** `1,830`: the one way to write a count. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** `1 message`, `2 messages`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
