// What machines see of a run: the report file, the metrics file and the JSON log, of the real command line.
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { runCli, startCli, withBench, type Bench } from "../support/bench.ts";
import { withFolder } from "../support/folder.ts";
import { withGateway } from "../support/gateway.ts";
import { logLines } from "../support/log-lines.ts";

const it = test.concurrent;
const NOTHING_LISTENS = "http://127.0.0.1:1";

interface Files {
  readonly folder: string;
  readonly flags: readonly string[];
  readonly report: () => Promise<Record<string, unknown>>;
  /** A sample of the metrics file. */
  readonly sample: (name: string, label?: string) => Promise<number | undefined>;
}

function withFiles(use: (bench: Bench, files: Files) => Promise<void>): Promise<void> {
  return withBench((bench) =>
    withFolder((folder) => {
      const [report, metrics] = [join(folder, "run.json"), join(folder, "run.prom")];
      return use(bench, {
        folder,
        flags: ["--report", report, "--metrics", metrics],
        report: async () => JSON.parse(await readFile(report, "utf8")) as Record<string, unknown>,
        sample: async (name, label = "") => {
          const found = (await readFile(metrics, "utf8"))
            .split("\n")
            .find(
              (line) => line.startsWith(`fetch_etl_${name}{queue="${bench.queue}"`) && line.includes(label),
            );
          return found === undefined ? undefined : Number(found.split(" ").at(-1));
        },
      });
    }),
  );
}

it("writes what drain --json prints, with times and exit code, to the report file", () =>
  withFiles(async (bench, { folder, flags, report }) => {
    await bench.send(generateMessages(100));
    const { code, stdout } = await bench.run(["drain", "--json", ...flags]);
    expect(code).toBe(0);
    expect(await report()).toEqual({
      ...(JSON.parse(stdout) as object),
      startedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      finishedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      exitCode: 0,
      error: null,
    });
    expect(await readdir(folder)).toEqual(["run.json", "run.prom"]);
  }));

it("counts on over runs, and keeps the last success over those that fail", () =>
  withFiles(async (bench, { flags, report, sample }) => {
    await bench.send(generateMessages(100));
    await bench.run(["drain", ...flags]);
    expect(await sample("messages_total", 'outcome="loaded"')).toBe(99);
    expect(await sample("queue_messages", 'state="visible"')).toBe(0);
    const success = await sample("last_success_timestamp_seconds");
    expect(success).toBe(await sample("last_run_timestamp_seconds"));

    const down = await bench.run(["drain", ...flags], { AWS_ENDPOINT_URL_SQS: NOTHING_LISTENS });
    expect(down.code).toBe(5);
    expect(await report()).toMatchObject({
      queue: bench.queue,
      received: 0,
      stoppedBy: null,
      exitCode: 5,
      error: down.stderr.replace(/^error: /, "").trimEnd(),
    });
    expect(await sample("last_run_exit_code")).toBe(5);
    expect(await sample("last_success_timestamp_seconds")).toBe(success);
    expect(await sample("last_run_timestamp_seconds")).toBeGreaterThan(success ?? Infinity);
    expect(await sample("messages_total", 'outcome="loaded"')).toBe(99);
    expect(await sample("queue_messages")).toBeUndefined();

    await bench.send(generateMessages(100).slice(0, 12));
    await bench.run(["drain", ...flags]);
    expect(await sample("messages_total", 'outcome="loaded"')).toBe(99 + 12);
    expect(await sample("last_run_messages", 'outcome="loaded"')).toBe(12);
    expect(await sample("runs_total", 'exit_code="0"')).toBe(2);
    expect(await sample("runs_total", 'exit_code="5"')).toBe(1);
    expect(await sample("last_success_timestamp_seconds")).toBeGreaterThan(success ?? Infinity);
  }));

it("puts a run with wrong settings on record, and no secret", () =>
  withFiles(async (bench, { flags, report, sample, folder }) => {
    const key = `${bench.env["FETCH_ETL_MASKING_KEY"] ?? ""}!`;
    const env = { FETCH_ETL_MASKING_KEY: key, DATABASE_URL: "postgres//s3cret-pa55word" };
    const { code, stderr } = await bench.run(["drain", "--log-format", "json", ...flags], env);
    expect(code).toBe(2);
    const errors = logLines(stderr).filter(({ level }) => level === "error");
    expect(await report()).toMatchObject({
      exitCode: 2,
      error: errors.map(({ msg }) => msg).join("\n"),
    });
    expect(errors).toHaveLength(2);
    expect(await sample("last_run_exit_code")).toBe(2);
    const files = await Promise.all(
      (await readdir(folder)).map((name) => readFile(join(folder, name), "utf8")),
    );
    for (const text of [stderr, ...files]) {
      expect(text).not.toContain(key);
      expect(text).not.toContain("s3cret");
    }
  }));

it("puts a run that a signal ended on record", () =>
  withFiles(async (bench, { flags, report, sample }) => {
    const { child, outcome } = bench.start(["drain", "--log-format", "json", ...flags]);
    if (child.stderr !== null) await once(child.stderr, "data");
    child.kill("SIGINT");
    expect((await outcome).code).toBe(130);
    expect(await report()).toMatchObject({ stoppedBy: "signal", exitCode: 130, error: null });
    expect(await sample("last_run_exit_code")).toBe(130);
    expect(await sample("last_success_timestamp_seconds")).toBe(0);
  }));

it("tells mistakes in its files with all others, before anything is received", () =>
  withFiles(async (bench, { folder }) => {
    await bench.send(generateMessages(3));
    const { code, stderr } = await bench.run(
      ["drain", "--report", folder, "--metrics", join(folder, "nowhere", "run.prom")],
      { FETCH_ETL_MASKING_KEY: undefined },
    );
    expect(code).toBe(2);
    expect(stderr.match(/^error: (--report|--metrics|No masking key is configured)/gm)).toHaveLength(3);
    expect(await bench.contents()).toEqual({ ready: 3, inflight: 0, delayed: 0 });
  }));

it("loads all the same when a file cannot be written at the end, says so, and exits 1", () =>
  withFiles(async (bench, { folder, flags, sample }) => {
    await bench.send(generateMessages(100));
    const { child, outcome } = bench.start(["drain", "--log-format", "json", ...flags]);
    if (child.stderr !== null) await once(child.stderr, "data");
    await mkdir(join(folder, "run.json"));
    const { code, stderr } = await outcome;
    expect(code).toBe(1);
    expect(logLines(stderr).slice(-2)).toMatchObject([
      {
        level: "error",
        msg: expect.stringMatching(
          /^--report \/ FETCH_ETL_REPORT: the file .*run\.json cannot be written: .* stay loaded\.$/,
        ),
      },
      { level: "info", msg: "Drain finished", exitCode: 1 },
    ]);
    expect(await bench.contents()).toEqual({ ready: 0, inflight: 0, delayed: 0 });
    expect(await sample("last_run_exit_code")).toBe(1);
  }));

it("starts a metrics file anew that is not its own, and says so", () =>
  withFiles(async (bench, { folder, flags, sample }) => {
    await writeFile(join(folder, "run.prom"), "node_load1 0.3\n");
    const { code, stderr } = await bench.run(["drain", "--max-seconds", "50", ...flags]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: .*--metrics.* start at zero\.\n$/);
    expect(await sample("runs_total", 'exit_code="0"')).toBe(1);
  }));

it("sends the metrics of successful and failed runs, and does not print the gateway's password", () =>
  withBench((bench) =>
    withGateway(async ({ host, groups, authorization }) => {
      const env = { FETCH_ETL_METRICS_PUSH: `http://etl:s3cret@${host}` };
      await bench.send(generateMessages(100));
      const good = await bench.run(["drain"], env);
      const failed = await bench.run(["drain", "--concurrency", "0"], env);
      const dry = await bench.run(["drain", "--dry-run"], env);
      const away = await bench.run(["drain", "--debug", "--log-format", "json"], {
        FETCH_ETL_METRICS_PUSH: "http://etl:s3cret@127.0.0.1:1",
      });
      expect([good.code, failed.code, dry.code, away.code]).toEqual([0, 2, 0, 0]);
      expect([...groups.keys()]).toEqual([`/metrics/job/fetch-etl/queue/${bench.queue}`]);
      const [text = ""] = groups.values();
      expect(text).toContain(`fetch_etl_messages_total{queue="${bench.queue}",outcome="loaded"} 99\n`);
      expect(text).toContain(`fetch_etl_runs_total{queue="${bench.queue}",exit_code="0"} 1\n`);
      expect(text).toContain(`fetch_etl_last_run_exit_code{queue="${bench.queue}"} 2\n`);
      expect(authorization()).toMatch(/^Basic /);
      const told = logLines(away.stderr).filter(({ level }) => level === "warn");
      expect(told).toMatchObject([{ msg: expect.stringContaining("127.0.0.1:1 (ECONNREFUSED)") }]);
      for (const { stdout, stderr } of [good, failed, dry, away]) {
        expect(stdout + stderr).not.toContain("s3cret");
      }
    }),
  ));

it("logs the metrics of a drain for CloudWatch, also with --quiet", () =>
  withBench(async (bench) => {
    await bench.send(generateMessages(3));
    const { code, stderr } = await bench.run(["drain", "--quiet", "--log-format", "emf"]);
    expect(code).toBe(0);
    expect(logLines(stderr).at(-1)).toMatchObject({
      msg: "Drain finished",
      queue: bench.queue,
      fetch_etl_messages_received_total: 3,
      _aws: { CloudWatchMetrics: [{ Dimensions: [["queue"]] }] },
    });
  }));

it("logs begin and end of a drain as JSON, the end with the report's figures", () =>
  withBench(async (bench) => {
    await bench.send(generateMessages(100));
    const { stdout, stderr } = await bench.run(["drain", "--json", "--log-format", "json"]);
    const [begin, warning, end, ...others] = logLines(stderr);
    expect(others).toEqual([]);
    expect(begin).toMatchObject({ level: "info", queue: bench.queue, version: expect.stringMatching(/^\d/) });
    expect(warning).toMatchObject({ level: "warn", msg: expect.stringContaining("quarantine") });
    const { schemaVersion, ...figures } = JSON.parse(stdout) as Record<string, unknown>;
    expect(schemaVersion).toBe(2);
    expect(end).toMatchObject({ level: "info", ...figures, exitCode: 0 });
    const run = { runId: figures["runId"], version: figures["version"], host: hostname() };
    expect(begin).toMatchObject({ ...run, table: "public.user_logins" });
    const stored = { id: run.runId, version: run.version, host: run.host, target: figures["table"] };
    expect(await bench.sql`select id, version, host, target from fetch_etl.runs`).toEqual([stored]);
    const [joined] =
      await bench.sql`select count(*)::integer from fetch_etl.ledger where run_id = ${String(run.runId)}`;
    expect(joined).toEqual({ count: 100 });
  }));

it.for<[string, string[], Record<string, string | undefined>, number, string[]]>([
  ["peek", ["peek"], {}, 0, ["info"]],
  ["peek --raw", ["peek", "--raw"], {}, 0, ["warn", "info"]],
  ["verify", ["verify", "--expect", "7"], {}, 4, ["error"]],
  ["a drain with --quiet", ["drain", "--quiet", "--max-seconds", "50"], {}, 0, []],
  [
    "a drain without a server",
    ["drain"],
    { AWS_ENDPOINT_URL_SQS: NOTHING_LISTENS },
    5,
    ["info", "info", "error"],
  ],
  ["two mistakes", ["peek", "--count", "0"], { FETCH_ETL_MASKING_KEY: undefined }, 2, ["error", "error"]],
  ["a flag that is none", ["drain", "--colour"], {}, 2, ["error"]],
  ["a command that is none", ["fill"], {}, 2, ["error"]],
  ["a missing value", ["mask"], {}, 2, ["error"]],
  ["no command", [], {}, 2, ["error"]],
])("logs JSON for %s", ([, args, env, code, levels]) =>
  withBench(async (bench) => {
    await bench.run(["drain", "--quiet", "--max-seconds", "50"]);
    const byFlag = await bench.run(["--log-format", "json", ...args], env);
    const byVariable = await bench.run(args, { ...env, FETCH_ETL_LOG_FORMAT: "json" });
    for (const outcome of [byFlag, byVariable]) {
      expect(outcome.code).toBe(code);
      expect(logLines(outcome.stderr).map(({ level }) => level)).toEqual(levels);
    }
  }),
);

it("takes the log's format from .env, also for a mistake in the flags", () =>
  withFolder(async (folder) => {
    await writeFile(join(folder, ".env"), "FETCH_ETL_LOG_FORMAT=json\n");
    const { code, stderr } = await startCli(["drain", "--colour"], {}, folder).outcome;
    expect(code).toBe(2);
    expect(logLines(stderr)).toEqual([
      expect.objectContaining({ msg: "unknown option '--colour' (fetch-etl drain --help lists the flags)" }),
    ]);
  }));

it("refuses a format that it does not know, by exit code 2", async () => {
  const { code, stderr } = await runCli(["keygen"], { FETCH_ETL_LOG_FORMAT: "xml" });
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^error: .*FETCH_ETL_LOG_FORMAT must be one of: text, json, emf\. FETCH_ETL_LOG_FORMAT=xml \(environment\)\.\n$/,
  );
});
