import type { Context } from "../../context.ts";

export interface QuarantineListFlags {
  readonly json?: boolean;
}

export async function runQuarantineList(flags: QuarantineListFlags, context: Context): Promise<number> {
  return Promise.reject(new Error("not yet"));
}
