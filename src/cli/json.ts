// The form that machines read: one object a line.
import type { Output } from "./context.ts";

const SCHEMA_VERSION = 1;

/** Writes `{"schemaVersion":1, …}` and a line end. */
export function writeJson(output: Output, fields: Readonly<Record<string, unknown>>): void {
  output.write(jsonLine(fields));
}

/** `{"schemaVersion":1, …}` and a line end. */
export function jsonLine(fields: Readonly<Record<string, unknown>>): string {
  return `${withoutSteering(JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...fields }))}\n`;
}

/** Escapes the control characters that JSON leaves as they are, and some terminals obey. */
export function withoutSteering(json: string): string {
  return json.replace(/[\u007f-\u009f]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}
