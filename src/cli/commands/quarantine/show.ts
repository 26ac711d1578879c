import type { Context } from "../../context.ts";

export interface QuarantineShowFlags {
  readonly json?: boolean;
}

export async function runQuarantineShow(
  id: string,
  flags: QuarantineShowFlags,
  context: Context,
): Promise<number> {
  return Promise.reject(new Error("not yet"));
}
