// The form that machines read: one object a line.
import type { Output } from "../context.ts";

const SCHEMA_VERSION = 1;

/** Writes `{"schemaVersion":1, …}` and a line end. */
export function writeJson(output: Output, fields: Readonly<Record<string, unknown>>): void {
  const text = JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...fields });
  output.write(`${text.replace(STEERING, escape)}\n`);
}

/** Control characters that JSON leaves as they are, and some terminals obey. */
const STEERING = /[\u007f-\u009f]/g;

function escape(character: string): string {
  return `\\u00${character.charCodeAt(0).toString(16)}`;
}
