import type { Context } from "../../context.ts";

export interface QuarantineReplayFlags {
  readonly json?: boolean;
}

export async function runQuarantineReplay(flags: QuarantineReplayFlags, context: Context): Promise<number> {
  return Promise.reject(new Error("not yet"));
}
