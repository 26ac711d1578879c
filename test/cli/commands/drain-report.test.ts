import { describe, expect, it } from "vitest";
import type { Context } from "../../../src/cli/context.ts";
import {
  reasonsText,
  writeDrainSummary,
  type FinishedDrain,
} from "../../../src/cli/commands/drain/report.ts";

const report: FinishedDrain = {
  received: 12_345,
  loaded: 12_340,
  duplicates: 2,
  quarantined: 3,
  skipped: 0,
  left: 0,
  invalid: new Map(),
  reasons: new Map(),
  shownReasons: new Map(),
  deleted: 12_345,
  released: 0,
  requests: { receive: 1_300, delete: 1_235, other: 2 },
  remaining: { visible: 0, inFlight: 0, delayed: 0 },
  stoppedBy: "empty",
  stillVisible: false,
  leftHidden: 0,
  databaseSilent: false,
  durationMs: 5_000,
  waitedMs: { sqs: 0, postgres: 0 },
};

function summary(isTerminal: boolean, change: Partial<FinishedDrain> = {}, dryRun = false): string {
  let text = "";
  const stdout = { write: (more: string) => void (text += more), isTerminal };
  // Only these are looked at.
  const context = { stdout, env: { NO_COLOR: "1" } } as unknown as Context;
  writeDrainSummary(context, "login-queue", { ...report, ...change }, dryRun);
  return text;
}

describe("at the end a drain tells", () => {
  it("a person at a terminal in a short table", () => {
    expect(summary(true).split("\n")).toEqual([
      "login-queue: the queue is empty (5.0 s)",
      "  received             12,345",
      "  loaded               12,340",
      "  duplicates                2",
      "  quarantined               3",
      "  deleted              12,345",
      "  messages per second   2,469",
      "  SQS requests          2,537",
      "",
    ]);
  });

  it("of the reasons of rejected messages, the three most frequent", () => {
    const reasons = (...counts: [string, number][]) => reasonsText({ shownReasons: new Map(counts) });
    expect(reasons()).toBe("");
    expect(reasons(["ip: missing", 1])).toBe("ip: missing (1)");
    expect(
      reasons(["a: missing", 1], ["b: missing", 3], ["c\u001b: missing", 1_200], ["d: missing", 2], ["e", 1]),
    ).toBe("c\uFFFD: missing (1,200); b: missing (3); d: missing (2); 2 other reasons");
  });

  it("how long it waited for each server, unless it was hardly at all", () => {
    const both = { waitedMs: { sqs: 1_250, postgres: 3_000 } };
    const text = "the queue is empty (5.0 s, waited 1.3 s for SQS, waited 3.0 s for Postgres)";
    expect(summary(true, both)).toContain(text);
    expect(summary(false, both)).toContain(text);
    expect(summary(false, { waitedMs: { sqs: 99, postgres: 0 } })).toContain("the queue is empty (5.0 s)");
  });

  it("of nothing, that there was nothing", () => {
    const nothing = { received: 0, loaded: 0, duplicates: 0, quarantined: 0, deleted: 0, durationMs: 0 };
    expect(summary(true, nothing)).toContain("  received          0\n  loaded            0\n");
  });

  it("of a dry run, what it would have done", () => {
    const text = summary(true, { deleted: 0, released: 12_345 }, true);
    expect(text).toMatch(/^login-queue: dry run; nothing was changed/);
    expect(text).toMatch(/^ {2}would load +12,340$/m);
    expect(text).toMatch(/^ {2}would quarantine +3$/m);
  });

  it("of a dry run that looked at no more than it may, that there are others", () => {
    const text = summary(false, { stoppedBy: "max-messages", deleted: 0, released: 12_345 }, true);
    expect(text).toContain("; looked at only 12,345 messages; --max-messages sets the limit (5.0 s)");
  });

  it("of what was left in the queue, that it is there, and hidden by nobody else", () => {
    const left = {
      quarantined: 0,
      left: 3,
      deleted: 12_342,
      remaining: { visible: 0, inFlight: 3, delayed: 0 },
    };
    expect(summary(true, left)).toMatch(
      /^login-queue: no more to receive; 3 messages in flight.*\n(.*\n)* {2}left +3\n/,
    );
    expect(summary(false, left)).toContain(
      "2 duplicates, 3 left, 12,342 deleted; no more to receive; 3 messages in flight",
    );
    expect(summary(true, left, true)).toMatch(/^ {2}would leave +3$/m);
  });

  it("of records that the mapping skips, and of values that it stores as NULL, how many there are", () => {
    const counts = {
      skipped: 1_200,
      invalid: new Map([
        ["age", 3],
        ["\u001b[2J", 1_000],
      ]),
    };
    expect(summary(false, counts)).toContain(
      "3 quarantined, 1,200 skipped, 1,003 values stored as NULL (\ufffd[2J 1,000, age 3), 12,345 deleted;",
    );
    expect(summary(false, counts)).toContain("loaded 12,340 records of 12,345 messages, ");
    const table = summary(true, counts);
    expect(table).toMatch(/^ {2}skipped +1,200$/m);
    expect(table).toMatch(/^ {2}values stored as NULL +1,003$/m);
    expect(summary(false, counts, true)).toContain(
      "would load 12,340 records, skip 2 duplicates, quarantine 3 and skip 1,200 unmatched of 12,345 messages, 1,003 values stored as NULL",
    );
    expect(summary(true, counts, true)).toMatch(/^ {2}would skip +1,200$/m);
  });

  it("of many columns with values stored as NULL, the five with the most", () => {
    const invalid = new Map(Array.from("abcdefg", (name, index) => [name, index + 1]));
    expect(summary(false, { invalid })).toContain(
      "28 values stored as NULL (g 7, f 6, e 5, d 4, c 3, 2 other columns)",
    );
  });

  it("a program or a mail in one line", () => {
    expect(summary(false)).toBe(
      "login-queue: loaded 12,340 of 12,345 messages, 2 duplicates, 3 quarantined, 12,345 deleted; the queue is empty (5.0 s)\n",
    );
  });
});
