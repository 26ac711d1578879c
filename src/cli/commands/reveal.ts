import type { Context } from "../context.ts";

export interface RevealFlags {
  readonly json?: boolean;
}

export async function runReveal(
  tokens: readonly string[],
  flags: RevealFlags,
  context: Context,
): Promise<number> {
  return Promise.reject(new Error("not yet"));
}
