// The simulation of many drains: it agrees with what was measured, and keeps to SQS's limits.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { AWS, MEASURED_BY_HAND } from "../../bench/capacity/capacity.ts";
import type { Report } from "../../bench/report/report.ts";
import { simulate, type Fleet } from "../../bench/simulation/fleet.ts";
import { compare, comparisonTable, fifoTable, manyTable } from "../../bench/simulation/scaling.ts";
import { unpadded } from "../support/markdown.ts";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const results = JSON.parse(read("bench/results/latest.json")) as Report;
const page = unpadded(read("docs/parallel-drains.md"));

/** The lines of a table's rows. */
const rowsOf = (table: string): string[] => table.split("\n").slice(2);

describe("the benchmark's runs of 1, 2 and 4 processes", async () => {
  const comparisons = [...(await compare(results, 20)), ...(await compare(results, 50))];

  it.each(comparisons)("$workers at $latencyMs ms: within an eighth of what was measured", (comparison) => {
    const { measured, simulated } = comparison;
    expect(Math.abs(simulated / measured - 1)).toBeLessThan(1 / 8);
  });

  it("stand in docs/parallel-drains.md", () => {
    expect(page).toContain(comparisonTable(comparisons));
  });
});

it("uses the CPU time per row that docs/parallel-drains.md states", () => {
  expect(page.replaceAll("\n", " ")).toContain(
    `a Postgres that takes ${MEASURED_BY_HAND.postgresCpuPerRow} µs of a core for a row`,
  );
});

// Of the long tables the rows that do not take long; `node dist/bench/simulation/main.js` makes them whole.
it.each([
  ["many drains", () => manyTable(results, [1, 2, 4])],
  ["FIFO queues", () => fifoTable(results, [10])],
])("docs/parallel-drains.md has what is simulated of %s", async (_what, table) => {
  const rows = rowsOf(await table());
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) expect(page).toContain(row);
});

describe("SQS's limits", () => {
  const fleet: Fleet = {
    ...{ workers: 4, messages: 8_000, concurrency: 32, batchSize: 500, cpuPerMessage: 100, startMs: 0 },
    sqs: { limits: { inFlight: AWS.inFlight, callsPerSecond: Infinity }, latencyMs: 20 },
    postgres: { roundTripMs: 2, cores: 1, cpuPerRow: 12 },
  };
  const allLoadedOnce = { loaded: 8_000, duplicates: 0, left: 0 };

  it("no more are in flight than may be, where the database is slow: the drains wait, and load all", async () => {
    const slow = { ...fleet.postgres, cpuPerRow: 2_000 };
    const free = await simulate({ ...fleet, postgres: slow });
    expect(free).toMatchObject(allLoadedOnce);
    expect(free.mostInFlight).toBeGreaterThan(3_000);
    const limits = { ...fleet.sqs.limits, inFlight: 1_000 };
    const limited = await simulate({ ...fleet, postgres: slow, sqs: { ...fleet.sqs, limits } });
    expect(limited).toMatchObject({ ...allLoadedOnce, mostInFlight: 1_000 });
  });

  it("a FIFO queue is called no more often than it allows, and every drain ends well", async () => {
    const limits = { inFlight: AWS.inFlight, callsPerSecond: AWS.fifoCalls };
    const result = await simulate({ ...fleet, sqs: { limits, latencyMs: 20, groups: 500 } });
    expect(result).toMatchObject(allLoadedOnce);
    expect(result.throttled).toBeGreaterThan(0);
    expect(result.reports.map(({ stoppedBy }) => stoppedBy)).toEqual(Array(4).fill("empty"));
    // A burst at the start is allowed: as many calls as a second has.
    expect(result.throughput).toBeLessThan(10 * AWS.fifoCalls * 1.5);
  });

  it("messages stay hidden for as long as they are written, beyond their visibility timeout", async () => {
    const stuck = { ...fleet.postgres, roundTripMs: 20_000 };
    expect(await simulate({ ...fleet, messages: 400, postgres: stuck })).toMatchObject({
      ...{ loaded: 400, duplicates: 0, left: 0 },
    });
  });
});
