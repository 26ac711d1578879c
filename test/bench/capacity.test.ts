// docs/scaling.md agrees with the measured figures.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import {
  ASSUMED,
  AWS,
  diskTable,
  PRUNED_PER_SECOND,
  measuredIn,
  mostHeld,
  processesFor,
  usdAMonth,
  workTable,
  type TableSizes,
} from "../../bench/capacity/capacity.ts";
import type { Report } from "../../bench/report/report.ts";
import { DRAIN_DEFAULTS } from "../../src/drain/settings.ts";
import { json, withBench } from "../support/bench.ts";
import { unpadded } from "../support/markdown.ts";

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
}

const page = read("docs/scaling.md");
const measured = measuredIn(
  JSON.parse(read("bench/results/latest.json")) as Report,
  JSON.parse(read("bench/results/table-sizes.json")) as TableSizes,
);
const PER_DAY = [1e3, 1e5, 1e6, 1e7, 1e8, 1e9];

it.each([
  ["work", workTable],
  ["disk", diskTable],
] as const)("the page's table of %s is what the figures give", (_what, table) => {
  expect(unpadded(page)).toContain(table(measured, PER_DAY));
});

const held = mostHeld(DRAIN_DEFAULTS);
const fifo = AWS.fifoCalls * 10;
const atPeak = (1e9 / 86_400) * ASSUMED.peak;

it.each([
  `One drain loads ${number(measured.throughput)} messages per second at 20 ms per call`,
  `10^9 / 86,400 s · 3 / ${number(measured.throughput)} = ${(atPeak / measured.throughput).toFixed(1)}, so ${processesFor(measured, 1e9)}.`,
  `plus ${measured.emptyRun.toFixed(1)} s for each of ${ASSUMED.runs} runs (one every five minutes)`,
  `**\`user_logins\`** takes ${number(measured.row)} bytes per row`,
  `**Ledger**: ${number(measured.ledgerEntry)} bytes per entry`,
  `${number(PRUNED_PER_SECOND)} per second: ${number(PRUNED_PER_SECOND / measured.throughput)} times as fast`,
  `${number(measured.vaultEntries)} bytes per message for both values`,
  `about ${number(AWS.inFlight)} messages in flight`,
  `a drain holds at most ${number(held)}: ${Math.floor(AWS.inFlight / held)} drains`,
  `${number(fifo)} messages per second, ${number((fifo * 86_400) / 1e6)} million per day; ${AWS.fifoCalls} per second with`,
  `${number(measured.throughput / 10)} receives per second`,
  `${measured.requests} requests per message cost USD ${(measured.requests * AWS.usdPerMillionRequests).toFixed(2)} per million messages`,
  `${number(measured.cpu)} µs of CPU per message at 20 ms per call, so ${(measured.cpu / 60).toFixed(1)} minutes`,
  `a run on an empty queue makes ${ASSUMED.requestsOfEmptyRun} requests`,
  `${ASSUMED.runs} runs per day cost USD ${usdAMonth(ASSUMED.runs * (ASSUMED.requestsOfEmptyRun + ASSUMED.requestsNotFull)).toFixed(2)} per month`,
  `a query every ${ASSUMED.kedaPolls} s costs another USD ${usdAMonth(86_400 / ASSUMED.kedaPolls).toFixed(2)} per month`,
])("the page says: %s", (sentence) => {
  expect(unpadded(page).replaceAll("\n", " ").replace(/ +/g, " ")).toContain(sentence);
});

it("a run on an empty queue makes as many requests as the page reckons with", () =>
  withBench(async (bench) => {
    const { requests } = json(await bench.run(["drain", "--json"]));
    const made = Object.values(requests as Record<string, number>).reduce((sum, count) => sum + count, 0);
    expect(made).toBe(ASSUMED.requestsOfEmptyRun);
  }));

it("there are as many processes as the peak needs, and one at least", () => {
  const one = { ...measured, throughput: 1_000 };
  expect(processesFor(one, 1)).toBe(1);
  expect(processesFor(one, (1_000 * 86_400) / ASSUMED.peak)).toBe(1);
  expect(processesFor(one, (1_001 * 86_400) / ASSUMED.peak)).toBe(2);
});

it("tells of a figure that is missing", () => {
  expect(() => measuredIn({ scenarios: [] }, { bytesPerMessage: {} })).toThrow("missing");
});

function number(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
