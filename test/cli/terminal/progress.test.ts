import { describe, expect, it } from "vitest";
import { progressText, type Progress, type Waiting } from "../../../src/cli/terminal/progress.ts";

const busy: Progress = {
  name: "login-queue",
  verb: "loaded",
  loaded: 12_340,
  quarantined: 3,
  perSecond: 2310.4,
  left: 300_000,
  stopping: false,
  waiting: undefined,
};

const waiting: Waiting = { server: "Postgres", code: "ECONNREFUSED", ms: 6_900, ofSeconds: 30 };

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

  it.each<[number, Partial<Waiting>, string]>([
    [77, {}, "login-queue: 12,340 loaded, waiting for Postgres (ECONNREFUSED), 6 of 30 s"],
    [61, {}, "12,340 loaded, waiting for Postgres (ECONNREFUSED), 6 of 30 s"],
    [60, {}, "waiting for Postgres (ECONNREFUSED), 6 of 30 s"],
    [40, {}, "waiting for Postgres (ECONNREFUSED)"],
    [20, {}, "waiting for Postgre…"],
    [77, { code: undefined }, "login-queue: 12,340 loaded, waiting for Postgres, 6 of 30 s"],
    [77, { ms: 31_000 }, "login-queue: 12,340 loaded, waiting for Postgres (ECONNREFUSED), 30 of 30 s"],
  ])(
    "in %i columns says that it waits, for what and how long, and estimates nothing",
    (columns, change, text) => {
      expect(progressText({ ...busy, waiting: { ...waiting, ...change } }, columns)).toBe(text);
    },
  );

  it("says that it stops, also while it waits", () => {
    expect(progressText({ ...busy, stopping: true, waiting }, 77)).toBe("stopping, 12,340 loaded");
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
    const waits: Progress = {
      ...widest,
      waiting: { ...waiting, code: "E".repeat(40), ms: 10 ** 9, ofSeconds: 86_400 },
    };
    for (let columns = 1; columns <= 200; columns += 1)
      for (const progress of [widest, waits])
        expect(progressText(progress, columns).length).toBeLessThanOrEqual(columns);
  });
});
