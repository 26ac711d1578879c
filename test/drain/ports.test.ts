import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/drain/clock.ts";
import {
  DatabaseLost,
  isRetryable,
  RowRefused,
  StatementCancelled,
  Throttled,
} from "../../src/drain/ports.ts";
import { Failure } from "../../src/failure.ts";

const failure = new Failure("unavailable", "The database is away.");

it.each([
  ["DatabaseLost", () => new DatabaseLost(failure)],
  ["StatementCancelled", () => new StatementCancelled(failure)],
  ["RowRefused", () => new RowRefused({ sqlState: "23514", of: "row" }, failure)],
])("a stack trace shows %s and the failure that it stands for", (name, make) => {
  const error = make();
  expect(String(error)).toBe(`${name}: The database is away.`);
  expect(error.cause).toBe(failure);
});

it("a stack trace shows that SQS throttled a request", () => {
  expect(String(new Throttled())).toBe("Throttled");
});

it.each([
  ["is", "an unavailable server", failure, true],
  ["is", "a throttled request", new Throttled(), true],
  ["is not", "a missing right", new Failure("configuration", "It is not allowed."), false],
  ["is not", "a fault of the program", new TypeError("x is undefined"), false],
])("a call %s made again after %s", (_is, _what, error, again) => {
  expect(isRetryable(error)).toBe(again);
});

describe("the system's clock", () => {
  it("goes on while it waits", async () => {
    const before = systemClock.now();
    await systemClock.wait(5);
    expect(systemClock.now()).toBeGreaterThan(before);
  });

  it("waits until its signal is aborted, and not at all if it was", async () => {
    const stop = new AbortController();
    let isOver = false;
    const waiting = systemClock.wait(3_600_000, stop.signal).then(() => (isOver = true));
    await new Promise(setImmediate);
    expect(isOver).toBe(false);
    stop.abort();
    await waiting;
    await systemClock.wait(3_600_000, stop.signal);
  });
});
