import { expect, it } from "vitest";
import { recordRun, type Run } from "../../../src/cli/commands/drain/run-record.ts";
import { explain } from "../../../src/explain.ts";
import { Failure } from "../../../src/failure.ts";
import { memoryLog } from "../../support/memory-log.ts";

/** A context with files in memory, of which those in `broken` cannot be written. */
function memory(broken: readonly string[] = []) {
  const files = new Map<string, string>();
  const { log, lines } = memoryLog();
  const context = {
    log,
    runId: "0",
    host: "h",
    versions: { fetchEtl: "1.2.3", node: "20.19.0", nodeNeeded: "20.19" },
    explain,
    clock: { now: () => 0, wait: () => Promise.resolve() },
    withFileLock: <T>(_: string, action: () => Promise<T>): Promise<T> => action(),
    services: { sendHttp: () => Promise.reject(new Error("no metrics are sent here")) },
    epochNow: () => 1_700_000_000_000,
    readFile: (path: string): string => {
      const text = files.get(path);
      if (text === undefined) throw Object.assign(new Error("none"), { code: "ENOENT" });
      return text;
    },
    writeFile: (path: string, text: string): Promise<void> => {
      if (broken.includes(path)) return Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }));
      files.set(path, text);
      return Promise.resolve();
    },
  };
  const exitCodes = (): unknown[] => [
    /"exitCode":(\d+)/.exec(files.get("run.json") ?? "")?.[1],
    /fetch_etl_last_run_exit_code\{.*\} (\d+)/.exec(files.get("run.prom") ?? "")?.[1],
  ];
  return { context, lines, exitCodes, files };
}

const FILES = { report: "run.json", metrics: "run.prom", push: undefined };

const loads = (code: number) => (run: Run) => {
  run.queueName = "logins";
  run.counts.loaded = 3;
  return Promise.resolve(code);
};

it.each([0, 3, 130])("ends with the exit code of the work, %i, and writes it to both files", async (code) => {
  const { context, exitCodes } = memory();
  expect(await recordRun(FILES, false, context, loads(code))).toBe(code);
  expect(exitCodes()).toEqual([String(code), String(code)]);
});

it.each([
  [0, undefined, "empty"],
  [5, new Failure("unavailable", "SQS does not\nanswer."), "failed"],
])(
  "records the end of a run with exit code %i in the history, then closes it",
  async (code, failure, endedBy) => {
    const { context } = memory();
    const calls: unknown[] = [];
    // The time limit never comes first.
    const clock = { now: () => 0, wait: () => new Promise<void>(() => undefined) };
    const work = async (run: Run): Promise<number> => {
      run.stoppedBy = "empty";
      run.loader = {
        heldReasons: () => Promise.resolve([{ reason: "ip: missing", count: 3 }]),
        recordEnd: (end) => Promise.resolve().then(() => void calls.push(end)),
        close: () => Promise.resolve(void calls.push("closed")),
      };
      if (failure !== undefined) throw failure;
      return loads(code)(run);
    };
    await recordRun(FILES, false, { ...context, clock }, work).catch(() => undefined);
    const error = failure === undefined ? undefined : "SQS does not answer.";
    expect(calls).toEqual([expect.objectContaining({ exitCode: code, endedBy, error }), "closed"]);
  },
);

it("ends even if the run history does not answer", async () => {
  const { context } = memory();
  let isClosed = false;
  const code = await recordRun(FILES, false, context, (run) => {
    run.loader = {
      heldReasons: () => new Promise(() => undefined),
      recordEnd: () => new Promise(() => undefined),
      close: () => Promise.resolve(void (isClosed = true)),
    };
    return loads(0)(run);
  });
  expect({ code, isClosed }).toEqual({ code: 0, isClosed: true });
});

it("writes no file that was not asked for", async () => {
  const { context, files } = memory();
  await recordRun({ report: undefined, metrics: undefined, push: undefined }, false, context, loads(0));
  expect(files.size).toBe(0);
});

it("puts a failure on record with what was counted before it, and throws it on", async () => {
  const { context, exitCodes, files } = memory();
  const failure = new Failure("unavailable", "SQS does not answer.");
  const work = async (run: Run): Promise<number> => {
    await loads(0)(run);
    throw failure;
  };
  await expect(recordRun(FILES, false, context, work)).rejects.toBe(failure);
  expect(exitCodes()).toEqual(["5", "5"]);
  expect(JSON.parse(files.get("run.json") ?? "")).toEqual({
    schemaVersion: 2,
    command: "drain",
    runId: "0",
    version: "1.2.3",
    host: "h",
    queue: "logins",
    table: null,
    received: 0,
    loaded: 3,
    duplicates: 0,
    quarantined: 0,
    skipped: 0,
    left: 0,
    invalid: {},
    reasons: {},
    deleted: 0,
    released: 0,
    requests: { receive: 0, delete: 0, other: 0 },
    remaining: null,
    stoppedBy: null,
    durationMs: 0,
    waitedMs: { sqs: 0, postgres: 0 },
    startedAt: "2023-11-14T22:13:20.000Z",
    finishedAt: "2023-11-14T22:13:20.000Z",
    exitCode: 5,
    error: "SQS does not answer.",
  });
});

it("keeps the text of an error that is not its own out of the files", async () => {
  const { context, files } = memory();
  const work = (): Promise<number> => Promise.reject(new Error("about 192.0.2.7"));
  await expect(recordRun(FILES, false, context, work)).rejects.toThrow("192.0.2.7");
  expect(files.get("run.json")).toContain('"error":"Unexpected error (Error).');
  expect([...files.values()].join("")).not.toContain("192.0.2.7");
});

it.each([
  ["the report", ["run.json"], 0, 1, [undefined, "1"]],
  ["the metrics", ["run.prom"], 0, 1, ["1", undefined]],
  ["both", ["run.json", "run.prom"], 0, 1, [undefined, undefined]],
  ["the report of a run that was stopped", ["run.json"], 130, 130, [undefined, "130"]],
  ["the metrics of a run that was stopped", ["run.prom"], 130, 130, ["130", undefined]],
])("says that %s cannot be written, with the exit code in the other", async (_, broken, ran, ends, codes) => {
  const { context, lines, exitCodes } = memory(broken);
  expect(await recordRun(FILES, false, context, loads(ran))).toBe(ends);
  expect(exitCodes()).toEqual(codes);
  const errors = lines.filter((line) => line.startsWith("error: "));
  expect(errors).toHaveLength(broken.length);
  for (const [index, path] of broken.entries())
    expect(errors[index]).toContain(
      `${path} cannot be written: no space is left on its file system. Free some, or name a file on another one (ENOSPC). Loaded rows stay loaded.`,
    );
});
