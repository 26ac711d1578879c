// The log on stderr as --log-format json writes it.
import { expect } from "vitest";

/** The lines of a JSON log, each of which must be one. */
export function logLines(stderr: string): Record<string, unknown>[] {
  const lines = stderr.split("\n").slice(0, -1);
  const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const line of parsed) {
    expect(line).toMatchObject({
      level: expect.stringMatching(/^(debug|info|warn|error)$/),
      msg: expect.any(String),
    });
    expect(new Date(String(line["time"])).toISOString()).toBe(line["time"]);
  }
  return parsed;
}
