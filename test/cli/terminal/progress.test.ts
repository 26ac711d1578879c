import { describe, expect, it } from "vitest";
import { progressText, type Progress } from "../../../src/cli/terminal/progress.ts";

const busy: Progress = {
  name: "login-queue",
  verb: "loaded",
  loaded: 12_340,
  quarantined: 3,
  perSecond: 2310.4,
  left: 300_000,
  stopping: false,
};

describe("the live line", () => {
  it.each<[string, Partial<Progress>, string]>([
    ["while nothing is known", { perSecond: undefined, left: undefined, quarantined: 0 }, "12,340 loaded"],
    ["without anything quarantined", { quarantined: 0 }, "12,340 loaded, 2,310/s, 2 min left"],
    ["with something quarantined", {}, "12,340 loaded, 2,310/s, 3 quarantined, 2 min left"],
    ["when the queue counts no more", { left: 0 }, "12,340 loaded, 2,310/s, 3 quarantined, looking for more"],
    ["when nothing moves", { perSecond: 0 }, "12,340 loaded, 0/s, 3 quarantined"],
    ["in a dry run", { verb: "decoded", quarantined: 0 }, "12,340 decoded, 2,310/s, 2 min left"],
  ])("%s", (_, change, text) => {
    expect(progressText({ ...busy, ...change }, 77)).toBe(`login-queue: ${text}`);
  });

  it("says that it stops, and no longer how long it takes", () => {
    expect(progressText({ ...busy, stopping: true }, 77)).toBe("stopping, 12,340 loaded");
  });

  it.each([
    [62, "login-queue: 12,340 loaded, 2,310/s, 3 quarantined, 2 min left"],
    [61, "12,340 loaded, 2,310/s, 3 quarantined, 2 min left"],
    [48, "12,340 loaded, 3 quarantined, 2 min left"],
    [37, "12,340 loaded, 2 min left"],
    [24, "12,340 loaded"],
    [8, "12,340 …"],
  ])("in %i columns leaves out what does not fit", (columns, text) => {
    expect(progressText(busy, columns)).toBe(text);
  });

  it("is never wider than the terminal, whatever the numbers", () => {
    const most = { loaded: 10 ** 12, quarantined: 10 ** 12, perSecond: 10 ** 9, left: 10 ** 15 };
    const widest: Progress = { ...busy, ...most, name: "q".repeat(80) };
    for (let columns = 1; columns <= 200; columns += 1)
      expect(progressText(widest, columns).length).toBeLessThanOrEqual(columns);
  });
});
