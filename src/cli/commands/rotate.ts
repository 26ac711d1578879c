import type { Context } from "../context.ts";

export interface RotateFlags {
  readonly json?: boolean;
}

export async function runRotate(flags: RotateFlags, context: Context): Promise<number> {
  return Promise.reject(new Error("not yet"));
}
