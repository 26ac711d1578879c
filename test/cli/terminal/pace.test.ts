import { expect, it } from "vitest";
import { durationText, Pace } from "../../../src/cli/terminal/pace.ts";

it("tells no rate before a second has passed", () => {
  const pace = new Pace();
  expect(pace.perSecond).toBeUndefined();
  pace.note(0, 0);
  pace.note(999, 500);
  expect(pace.perSecond).toBeUndefined();
  pace.note(1000, 500);
  expect(pace.perSecond).toBe(500);
});

it("follows a change: after five seconds what was before no longer counts", () => {
  const pace = new Pace();
  for (let second = 0; second <= 10; second += 1) pace.note(second * 1000, second * 1000);
  expect(pace.perSecond).toBe(1000);
  for (let second = 11; second <= 15; second += 1) pace.note(second * 1000, 10_000);
  expect(pace.perSecond).toBe(0);
});

it.each([
  [0, "1 s"],
  [59.4, "59 s"],
  [59.6, "1 min"],
  [89, "1 min"],
  [91, "2 min"],
  [3_569, "59 min"],
  [3_571, "1 h"],
  [7_800, "2 h 10 min"],
  [360_000, "100 h"],
])("%d seconds are %s", (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});
