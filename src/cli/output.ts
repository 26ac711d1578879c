// stdout and stderr, and JSON for them: one object per line.

/** stdout or stderr. */
export interface Output {
  readonly write: (text: string) => void;
  /** The underlying stream, for a library that draws on it. */
  readonly stream: NodeJS.WritableStream;
  /** Whether it is a terminal. */
  readonly isTerminal: boolean;
  /** The terminal's current width in columns; 0 without a terminal. */
  readonly columns: number;
}

const SCHEMA_VERSION = 2;

/** Writes `{"schemaVersion":2, …}` and a newline. */
export function writeJson(output: Output, fields: Readonly<Record<string, unknown>>): void {
  output.write(jsonLine(fields));
}

/** `{"schemaVersion":2, …}` and a newline. */
export function jsonLine(fields: Readonly<Record<string, unknown>>): string {
  return `${escapeControls(JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...fields }))}\n`;
}

/** Escapes the control characters that JSON does not escape but some terminals interpret. */
export function escapeControls(json: string): string {
  return json.replace(/[\u007f-\u009f]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}

/** ISO 8601, in UTC; null if the time is unknown. */
export function isoTime(epochMs: number | undefined): string | null {
  return epochMs === undefined ? null : new Date(epochMs).toISOString();
}
