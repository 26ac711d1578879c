// Checks the last line of --log-format emf against CloudWatch's specification.
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import type { embeddedMetrics } from "../../../src/cli/commands/drain/emf.ts";
import { recordRun, type RecordContext } from "../../../src/cli/commands/drain/run-record.ts";
import { openLog } from "../../../src/cli/log/log.ts";
import { explain } from "../../../src/explain.ts";
import { Failure } from "../../../src/failure.ts";

/**
 * The necessary parts of the JSON Schema in "Specification: Embedded metric format" of the Amazon CloudWatch user guide, and what its text
 * requires in addition: at most 100 metrics.
 */
const SCHEMA = {
  type: "object",
  required: ["_aws"],
  properties: {
    _aws: {
      type: "object",
      required: ["Timestamp", "CloudWatchMetrics"],
      properties: {
        Timestamp: { type: "integer" },
        CloudWatchMetrics: {
          type: "array",
          items: {
            type: "object",
            required: ["Namespace", "Dimensions", "Metrics"],
            additionalProperties: false,
            properties: {
              Namespace: { type: "string", minLength: 1, maxLength: 1024 },
              Dimensions: {
                type: "array",
                minItems: 1,
                items: {
                  type: "array",
                  maxItems: 30,
                  items: { type: "string", minLength: 1, maxLength: 250 },
                },
              },
              Metrics: {
                type: "array",
                maxItems: 100,
                items: {
                  type: "object",
                  required: ["Name"],
                  additionalProperties: false,
                  properties: {
                    Name: { type: "string", minLength: 1, maxLength: 1024 },
                    Unit: {
                      enum: ["Seconds", "Milliseconds", "Bytes", "Percent", "Count", "Count/Second", "None"],
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
};
const validate = new Ajv2020().compile(SCHEMA);

/** The log lines of a run, each of which is JSON. */
async function linesOf(
  flags: { quiet?: boolean },
  work: Parameters<typeof recordRun>[3],
  dryRun = false,
): Promise<Record<string, unknown>[]> {
  let text = "";
  const stderr = {
    write: (line: string) => void (text += line),
    stream: process.stderr,
    isTerminal: false,
    columns: 0,
  };
  const epochNow = (): number => 1_700_000_000_000;
  const context: RecordContext = {
    log: openLog({ stderr, env: {}, flags, format: "emf", epochNow }),
    runId: "0",
    host: "h",
    versions: { fetchEtl: "1.2.3", node: "20.19.0", nodeNeeded: "20.19" },
    ...{ explain, epochNow },
    clock: { now: () => 0, wait: () => Promise.resolve() },
    withFileLock: (_, action) => action(),
    readFile: () => "",
    writeFile: () => Promise.resolve(),
    services: { sendHttp: () => Promise.reject(new Error("no metrics are sent here")) },
  };
  const outputs = { report: undefined, metrics: undefined, push: undefined };
  await recordRun(outputs, dryRun, context, work).catch(() => undefined);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const loads: Parameters<typeof recordRun>[3] = (run) => {
  run.queueName = "logins";
  run.counts.loaded = 3;
  run.counts.received = 4;
  run.counts.quarantined = 1;
  return Promise.resolve(0);
};

describe("the line of a finished drain", () => {
  it.each([
    ["that succeeded", {}, loads],
    ["with --quiet", { quiet: true }, loads],
    ["that failed", {}, () => Promise.reject(new Failure("unavailable", "away"))],
  ])("%s follows the specification, with its targets as members", async (_what, flags, work) => {
    const lines = await linesOf(flags, work);
    expect(lines).toHaveLength(1);
    const [line = {}] = lines;
    expect(validate(line), JSON.stringify(validate.errors)).toBe(true);
    const { _aws } = line as unknown as ReturnType<typeof embeddedMetrics>;
    const [{ Dimensions, Metrics, Namespace }] = _aws.CloudWatchMetrics;
    expect({ Namespace, Dimensions, at: _aws.Timestamp }).toEqual({
      Namespace: "fetch-etl",
      Dimensions: [["queue"]],
      at: 1_700_000_000_000,
    });
    expect(line["queue"]).toMatch(/^(logins|unknown)$/);
    expect(Metrics.length).toBeGreaterThan(10);
    for (const { Name } of Metrics) expect(line[Name], Name).toEqual(expect.any(Number));
    expect(line).toMatchObject({ level: "info", msg: "Drain finished", exitCode: expect.any(Number) });
  });

  it("has the numbers of this run, under the names of the Prometheus metrics", async () => {
    const [line] = await linesOf({}, loads);
    const names = Object.keys(line ?? {}).filter((name) => name.startsWith("fetch_etl_"));
    // The metrics of queue and quarantine are not known here: four more in a real run, which the documentation counts.
    expect(names).toHaveLength(18 - 4);
    expect(line).toMatchObject({
      fetch_etl_last_run_exit_code: 0,
      fetch_etl_last_run_duration_seconds: 0,
      fetch_etl_last_run_messages_loaded: 3,
      fetch_etl_last_run_messages_quarantined: 1,
      fetch_etl_messages_received_total: 4,
      fetch_etl_sqs_requests_total_receive: 0,
    });
  });

  it("has the sum of what the quarantine holds", async () => {
    const [line] = await linesOf({}, (run) => {
      run.loader = {
        heldReasons: () =>
          Promise.resolve([
            { reason: "ip: missing", count: 3 },
            { reason: "user_id: missing", count: 2 },
          ]),
        recordEnd: () => Promise.resolve(),
        close: () => Promise.resolve(),
      };
      return loads(run);
    });
    expect(line).toMatchObject({ fetch_etl_quarantine_held: 5 });
  });

  it("has no metrics in a dry run", async () => {
    const [line] = await linesOf({}, loads, true);
    expect(line).toMatchObject({ msg: "Drain finished", dryRun: true });
    expect(line).not.toHaveProperty("_aws");
  });
});
