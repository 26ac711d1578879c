// A log that keeps its lines.
import type { Log } from "../../src/cli/log/log.ts";

/** `lines` are as in `warn: A sentence.` */
export function memoryLog(): { log: Log; lines: readonly string[] } {
  const lines: string[] = [];
  const keep = (level: string) => (sentence: string) => {
    lines.push(`${level}: ${sentence}`);
  };
  const log: Log = {
    format: "json",
    debug: keep("debug"),
    event: keep("event"),
    metrics: keep("metrics"),
    note: keep("note"),
    warn: keep("warn"),
    error: keep("error"),
  };
  return { log, lines };
}
