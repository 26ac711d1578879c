import { describe, expect, it } from "vitest";
import { ahead, checkClock } from "../../src/doctor/clocks.ts";

const MINUTES_15 = 15 * 60_000;

describe("how far a clock is ahead, at the least", () => {
  it.each([
    ["in the middle of the round trip", { from: 100, to: 200 }, { from: 150, to: 150 }, 0],
    ["at its edge", { from: 100, to: 200 }, { from: 200, to: 200 }, 0],
    ["in a span that overlaps it", { from: 100, to: 200 }, { from: 0, to: 1_000 }, 0],
    ["before it", { from: 5_000, to: 6_000 }, { from: 1_000, to: 2_000 }, 3_000],
    ["after it", { from: 5_000, to: 6_000 }, { from: 7_000, to: 8_000 }, -1_000],
  ])("a server's time %s", (_what, here, there, ms) => {
    expect(ahead(here, there)).toBe(ms);
  });
});

it.each([
  [0, "ok", "agrees with this machine's clock"],
  [999, "ok", "agrees with this machine's clock"],
  [-1_000, "ok", "this machine's clock is 1 s behind"],
  [30_000, "ok", "this machine's clock is 30 s ahead"],
  [30_001, "warning", "this machine's clock is 30 s ahead"],
  [-MINUTES_15, "warning", "this machine's clock is 15 min behind"],
  [MINUTES_15 + 1, "failed", "this machine's clock is 15 min ahead"],
  [-MINUTES_15 - 1, "failed", "this machine's clock is 15 min behind"],
])("%i ms is %s: %s", (ms, status, finding) => {
  expect(checkClock("SQS clock", ms, MINUTES_15)).toMatchObject({ status, finding });
});

it("a server that takes any time is no reason to fail", () => {
  expect(checkClock("Postgres clock", 86_400_000).status).toBe("warning");
});
