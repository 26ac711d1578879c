// Whether a stream takes colour.
import type { Output } from "../context.ts";

/** By NO_COLOR (no-color.org) and FORCE_COLOR; without them a terminal that can show it does. */
export function hasColor(output: Output, env: NodeJS.ProcessEnv): boolean {
  const forced = env["FORCE_COLOR"] ?? "";
  if (forced !== "") return forced !== "0" && forced !== "false";
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  return output.isTerminal && env["TERM"] !== "dumb";
}
