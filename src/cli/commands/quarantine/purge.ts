import type { Context } from "../../context.ts";

export interface QuarantinePurgeFlags {
  readonly json?: boolean;
}

export async function runQuarantinePurge(flags: QuarantinePurgeFlags, context: Context): Promise<number> {
  return Promise.reject(new Error("not yet"));
}
