import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { metricsText, parseMetrics, type EarlierMetrics } from "../../../src/cli/commands/drain/metrics.ts";
import { updateMetrics } from "../../../src/cli/commands/drain/metrics-file.ts";
import type { RunRecord } from "../../../src/cli/commands/drain/report.ts";
import { writeWhole } from "../../../src/write-file.ts";
import { withFileLock } from "../../../src/file-lock.ts";
import { withFolder } from "../../support/folder.ts";
import { memoryLog } from "../../support/memory-log.ts";

type NamedRun = RunRecord & { readonly queue: string };

const run: NamedRun = {
  ...{ runId: "0", version: "1.2.3", host: "h" },
  queue: "logins",
  table: "public.user_logins",
  dryRun: false,
  received: 105,
  loaded: 90,
  duplicates: 4,
  quarantined: 1,
  skipped: 3,
  left: 2,
  invalid: new Map([
    ["age", 4],
    ['a"b', 2],
  ]),
  released: 10,
  deleted: 95,
  requests: { receive: 20, delete: 10, other: 3 },
  remaining: { visible: 10, inFlight: 2, delayed: 1 },
  stoppedBy: "empty",
  durationMs: 1500,
  waitedMs: { sqs: 0, postgres: 0 },
  reasons: new Map(),
  shownReasons: new Map(),
  held: [{ reason: "ip: missing", count: 1 }],
  startedAt: 1_700_000_000_000,
  finishedAt: 1_700_000_002_250,
  exitCode: 0,
  error: undefined,
};
const failed: NamedRun = {
  ...run,
  remaining: undefined,
  stoppedBy: undefined,
  finishedAt: 1_700_000_300_000,
  exitCode: 5,
  error: "SQS could not be reached.",
};

async function samples(record: NamedRun, earlier?: EarlierMetrics): Promise<string[]> {
  const text = await metricsText(record, earlier, "1.2.3");
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

async function earlierOf(record: NamedRun): Promise<EarlierMetrics> {
  const earlier = parseMetrics(await metricsText(record, undefined, "1.2.3"));
  if (earlier === undefined) throw new Error("not read back");
  return earlier;
}

it("tells a run", async () => {
  expect(await samples(run)).toEqual(
    expect.arrayContaining([
      'fetch_etl_runs_total{queue="logins",exit_code="0"} 1',
      'fetch_etl_runs_total{queue="logins",exit_code="5"} 0',
      'fetch_etl_run_seconds_total{queue="logins"} 1.5',
      'fetch_etl_messages_received_total{queue="logins"} 105',
      'fetch_etl_messages_total{queue="logins",outcome="loaded"} 90',
      'fetch_etl_messages_total{queue="logins",outcome="duplicate"} 4',
      'fetch_etl_messages_total{queue="logins",outcome="quarantined"} 1',
      'fetch_etl_messages_total{queue="logins",outcome="skipped"} 3',
      'fetch_etl_messages_total{queue="logins",outcome="left"} 2',
      'fetch_etl_messages_total{queue="logins",outcome="released"} 10',
      'fetch_etl_messages_deleted_total{queue="logins"} 95',
      'fetch_etl_invalid_values_total{queue="logins"} 6',
      'fetch_etl_sqs_requests_total{queue="logins",operation="receive"} 20',
      'fetch_etl_sqs_requests_total{queue="logins",operation="delete"} 10',
      'fetch_etl_sqs_requests_total{queue="logins",operation="other"} 3',
      'fetch_etl_last_run_timestamp_seconds{queue="logins"} 1700000002.25',
      'fetch_etl_last_success_timestamp_seconds{queue="logins"} 1700000002.25',
      'fetch_etl_last_run_exit_code{queue="logins"} 0',
      'fetch_etl_last_run_duration_seconds{queue="logins"} 1.5',
      'fetch_etl_last_run_messages{queue="logins",outcome="loaded"} 90',
      'fetch_etl_queue_messages{queue="logins",state="visible"} 10',
      'fetch_etl_queue_messages{queue="logins",state="in_flight"} 2',
      'fetch_etl_queue_messages{queue="logins",state="delayed"} 1',
      'fetch_etl_build_info{queue="logins",version="1.2.3"} 1',
    ]),
  );
});

it("gives every metric a help text and a type, and counters the suffix _total", async () => {
  const lines = (await metricsText(run, undefined, "1.2.3")).split("\n");
  const types = lines.flatMap((line) => /^# TYPE (\S+) (\S+)$/.exec(line)?.slice(1, 3) ?? []);
  const names = new Set((await samples(run)).map((line) => line.replace(/\{.*/, "")));
  expect(types).toHaveLength(2 * names.size);
  for (const name of names) {
    expect(lines.filter((line) => line.startsWith(`# HELP ${name} `))).toHaveLength(1);
    expect(lines).toContain(`# TYPE ${name} ${name.endsWith("_total") ? "counter" : "gauge"}`);
  }
});

it("adds the counters of an earlier run, and none of its gauges", async () => {
  const text = await samples({ ...run, loaded: 5, durationMs: 250 }, await earlierOf(run));
  expect(text).toContain('fetch_etl_messages_total{queue="logins",outcome="loaded"} 95');
  expect(text).toContain('fetch_etl_runs_total{queue="logins",exit_code="0"} 2');
  expect(text).toContain('fetch_etl_run_seconds_total{queue="logins"} 1.75');
  expect(text).toContain('fetch_etl_last_run_messages{queue="logins",outcome="loaded"} 5');
});

it("keeps the last success over a failed run, whose queue nobody counted", async () => {
  const text = await samples(failed, await earlierOf(run));
  expect(text).toContain('fetch_etl_last_run_timestamp_seconds{queue="logins"} 1700000300');
  expect(text).toContain('fetch_etl_last_success_timestamp_seconds{queue="logins"} 1700000002.25');
  expect(text).toContain('fetch_etl_last_run_exit_code{queue="logins"} 5');
  expect(text.join("\n")).not.toContain("fetch_etl_queue_messages");
});

it("tells what the quarantine holds: the ten most frequent reasons, cut, and the others together", async () => {
  const held = Array.from({ length: 13 }, (_, index) => ({
    reason: `field ${index}: missing`,
    count: 20 - index,
  }));
  held.unshift({ reason: `a"b\\{,}\u001b${"x".repeat(200)}`, count: 50 });
  const text = (await samples({ ...run, held })).filter((line) =>
    line.startsWith("fetch_etl_quarantine_held"),
  );
  expect(text).toHaveLength(11);
  expect(text[0]).toBe(
    `fetch_etl_quarantine_held{queue="logins",reason="a\\"b\\\\{,}\uFFFD${"x".repeat(92)}"} 50`,
  );
  expect(text[1]).toBe('fetch_etl_quarantine_held{queue="logins",reason="field 0: missing"} 20');
  expect(text[10]).toBe('fetch_etl_quarantine_held{queue="logins",reason="other"} 38');
});

it("keeps what the quarantine held when a later run cannot look, and only then", async () => {
  const reason = 'row: refused by Postgres, SQLSTATE 23514, constraint a"b\\{c}\n,d="e"';
  const earlier = await earlierOf({ ...run, held: [{ reason, count: 4 }] });
  const heldIn = (lines: readonly string[]): readonly string[] =>
    lines.filter((line) => line.includes("_held{"));
  const before = heldIn(await samples({ ...run, held: [{ reason, count: 4 }] }));
  expect(before).toHaveLength(1);
  expect(heldIn(await samples({ ...failed, held: undefined }, earlier))).toEqual(before);
  expect(heldIn(await samples({ ...run, held: [] }, earlier))).toEqual([]);
  expect(heldIn(await samples({ ...failed, held: undefined }))).toEqual([]);
});

it("says 0 where no run has been a success", async () => {
  expect(await samples(failed)).toContain('fetch_etl_last_success_timestamp_seconds{queue="logins"} 0');
});

it.each([
  ["nothing", ""],
  ["another tool's metrics", "node_load1 0.3\n"],
  ["a metric without labels", "fetch_etl_runs_total 3\n"],
  ["a metric without a queue", 'fetch_etl_runs_total{exit_code="0"} 3\n'],
  ["a value that is none", 'fetch_etl_runs_total{queue="a",exit_code="0"} 3x\n'],
  ["a value below zero", 'fetch_etl_runs_total{queue="a",exit_code="0"} -3\n'],
  ["no end", 'fetch_etl_runs_total{queue="a",exit_code="0"} 1e999\n'],
  ["a time of its own", 'fetch_etl_runs_total{queue="a",exit_code="0"} 3 1700000000\n'],
  ["a line cut short", 'fetch_etl_runs_total{queue="a",exit_co'],
  ["a value cut off", 'fetch_etl_runs_total{queue="a",exit_code="0"} '],
  ["the lines of two queues", 'fetch_etl_runs_total{queue="a"} 3\nfetch_etl_runs_total{queue="b"} 3\n'],
  ["some text", "Dear diary\n"],
])("makes nothing of a file with %s", (_, text) => {
  expect(parseMetrics(text)).toBeUndefined();
});

it("finds a value by its labels in any order, and 0 where there is none", () => {
  const earlier = parseMetrics('# TYPE fetch_etl_x counter\nfetch_etl_x{b="2",queue="q",a="1"} 1.5e+21\n');
  expect(earlier?.queue).toBe("q");
  expect(earlier?.value("fetch_etl_x", { a: "1", b: "2" })).toBe(1.5e21);
  expect(earlier?.value("fetch_etl_x", { a: "1" })).toBe(0);
});

/** Updates a file that holds `before` (an error code where it cannot be read); gives its new text and what was told. */
async function update(
  before: string | { code: string },
  record: RunRecord,
): Promise<{ text: string; told: readonly string[] }> {
  let text = "";
  const { log, lines } = memoryLog();
  await updateMetrics("run.prom", record, {
    log,
    versions: { fetchEtl: "1.2.3", node: "20.19.0", nodeNeeded: "20.19" },
    readFile: () => {
      if (typeof before === "string") return before;
      throw Object.assign(new Error("about /a/path"), before);
    },
    writeFile: (_, written) => {
      text = written;
      return Promise.resolve();
    },
    withFileLock: (_, action) => action(),
  });
  return { text, told: lines };
}

it("starts a file that is not there at zero, without a word", async () => {
  const { text, told } = await update({ code: "ENOENT" }, run);
  expect(text).toContain('fetch_etl_runs_total{queue="logins",exit_code="0"} 1\n');
  expect(told).toEqual([]);
});

it.each([
  ["a file that cannot be read", { code: "EACCES" }, "cannot be read by this user.*(EACCES)"],
  ["a file of another kind", "Dear diary\n", "something other"],
  ["another queue's file", 'fetch_etl_runs_total{queue="other",exit_code="0"} 7\n', "queue other"],
])("starts %s at zero, and warns", async (_, before, says) => {
  const { text, told } = await update(before, run);
  expect(text).toContain('fetch_etl_runs_total{queue="logins",exit_code="0"} 1\n');
  expect(told).toEqual([expect.stringMatching(new RegExp(`^warn: .*${says}`))]);
});

it.each([undefined, "login queue", 'a"b', "a\nb", "secret/pa55word"])(
  "keeps the queue's label when the setting is wrong, here %j, and shows nothing of it",
  async (queue) => {
    const before = await metricsText(run, undefined, "1.2.3");
    const { text, told } = await update(before, { ...failed, queue });
    expect(text).toContain('fetch_etl_runs_total{queue="logins",exit_code="2"} 0\n');
    expect(text).toContain('fetch_etl_runs_total{queue="logins",exit_code="0"} 1\n');
    expect(told).toEqual([]);
  },
);

it("carries over what was counted while the queue's name was not known", async () => {
  const first = await update({ code: "ENOENT" }, { ...failed, queue: undefined });
  expect(first.text).toContain('fetch_etl_runs_total{queue="unknown",exit_code="5"} 1\n');
  const { text, told } = await update(first.text, run);
  expect(text).toContain('fetch_etl_runs_total{queue="logins",exit_code="5"} 1\n');
  expect(told).toEqual([]);
});

it("counts every one of twenty runs that end together, and leaves no other file behind", () =>
  withFolder(async (folder) => {
    const path = join(folder, "run.prom");
    const { log, lines } = memoryLog();
    const context = {
      log,
      versions: { fetchEtl: "1.2.3", node: "20.19.0", nodeNeeded: "20.19" },
      readFile: (file: string) => readFileSync(file, "utf8"),
      writeFile: writeWhole,
      withFileLock,
    };
    await Promise.all(
      Array.from({ length: 20 }, () => updateMetrics(path, { ...run, loaded: 100 }, context)),
    );
    const metrics = parseMetrics(readFileSync(path, "utf8"));
    expect(metrics?.value("fetch_etl_messages_total", { outcome: "loaded" })).toBe(2000);
    expect(metrics?.value("fetch_etl_runs_total", { exit_code: "0" })).toBe(20);
    expect(readdirSync(folder)).toEqual(["run.prom"]);
    expect(lines).toEqual([]);
  }));
