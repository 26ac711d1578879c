import type { Context } from "../context.ts";

export interface MaskFlags {
  readonly json?: boolean;
}

export async function runMask(
  values: readonly string[],
  flags: MaskFlags,
  context: Context,
): Promise<number> {
  return Promise.reject(new Error("not yet"));
}
