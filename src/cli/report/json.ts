// The form that machines read: one object a line.
import type { Output } from "../context.ts";

const SCHEMA_VERSION = 1;

/** Writes `{"schemaVersion":1, …}` and a line end. */
export function writeJson(output: Output, fields: Readonly<Record<string, unknown>>): void {
  output.write(`${JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...fields })}\n`);
}
