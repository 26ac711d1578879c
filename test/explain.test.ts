// What is shown of an error that was thrown.
import { expect, it } from "vitest";
import { explain, frames } from "../src/explain.ts";

const VALUE = "192.0.2.1";

it("an error shows where it happened, and nothing of its message or of a name that a server chose", () => {
  const cause = new Error(`quoted\n    at ${VALUE} (a.ts:1:2)\n    at ${VALUE} (a.ts:3:4)`);
  cause.name = `\u001B[31m${VALUE}`;
  const error = new TypeError(`${VALUE}\n    at ${VALUE}`, { cause });
  const lines = frames(error).split("\n");
  expect(lines).toContain("TypeError");
  expect(lines).toContain("Error");
  expect(lines.filter((line) => line.includes("explain.test.ts"))).toHaveLength(2);
  expect(lines.join()).not.toContain(VALUE);
  expect(explain(cause).sentence).toMatch(/^Unexpected error \(Error\)\./);
});

it("an error whose message was changed shows no line of the first one", () => {
  const error = new Error(`first\n    at ${VALUE}`);
  expect(error.stack).toContain(VALUE);
  error.message = "second".repeat(1000);
  expect(frames(error)).toContain("explain.test.ts");
  expect(frames(error)).not.toContain(VALUE);
});
