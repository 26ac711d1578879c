import type { Context } from "../context.ts";

export interface ForgetFlags {
  readonly json?: boolean;
}

export async function runForget(
  tokens: readonly string[],
  flags: ForgetFlags,
  context: Context,
): Promise<number> {
  return Promise.reject(new Error("not yet"));
}
