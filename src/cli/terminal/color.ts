// Whether to use color. Without chalk, because every command opens a log and few need chalk, which loads slowly.
import type { Output } from "../context.ts";

/** Follows NO_COLOR (no-color.org) and FORCE_COLOR. Without them, a terminal that supports color gets it. */
export function hasColor(output: Output, env: NodeJS.ProcessEnv): boolean {
  const forced = env["FORCE_COLOR"] ?? "";
  if (forced !== "") return forced !== "0" && forced !== "false";
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  return output.isTerminal && env["TERM"] !== "dumb";
}
