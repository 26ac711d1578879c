import { expect, it } from "vitest";
import { writeRevealed } from "../../../src/cli/commands/reveal/report.ts";

const token = `h1.abcdefgh.${"x".repeat(43)}`;

it.each([
  [0, "  192.0.2.1\n"],
  [66, "  192.0.2.1\n"],
  [65, "\n  192.0.2.1\n"],
])("a value is beside its token, or below it if %i columns are too few", (columns, rest) => {
  let text = "";
  const stdout = { write: (more: string) => void (text += more), stream: process.stdout };
  const value = { token, field: "ip", value: "192.0.2.1" };
  writeRevealed({ stdout: { ...stdout, isTerminal: columns > 0, columns } }, [value]);
  expect(text).toBe(token + rest);
});
