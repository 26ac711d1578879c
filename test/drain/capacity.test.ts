import { expect, it } from "vitest";
import { capacityFor } from "../../src/drain/capacity.ts";

it.each([
  ["two batches, where receives take no time", { writtenIn: 15, latency: 0 }, 600],
  [
    "and what is written in the time of two of the quickest receives",
    { writtenIn: 15, latency: 20 },
    600 + 800,
  ],
  ["less for a slower loader", { writtenIn: 150, latency: 20 }, 600 + 80],
  ["at most what is written in a third of the visibility timeout", { writtenIn: 30_000, latency: 20 }, 100],
  [
    "no message beyond the first receive, if each takes longer",
    { written: 1, writtenIn: 60_000, latency: 20 },
    0,
  ],
  [
    "at most what all receives bring, if a batch took no measurable time",
    { writtenIn: 0, latency: 20 },
    1880,
  ],
  ["at most what fewer receives bring", { concurrency: 8, writtenIn: 0, latency: 20 }, 680],
  ["two batches of another size", { batchSize: 10, writtenIn: 15, latency: 1 }, 20 + 40],
  ["more with a longer visibility timeout", { writtenIn: 30_000, visibilityTimeout: 60_000 }, 200],
] as const)("the capacity is %s", (_what, observed, capacity) => {
  const usual = { batchSize: 300, concurrency: 128, written: 300, latency: 20, visibilityTimeout: 30_000 };
  expect(capacityFor({ ...usual, ...observed })).toBe(capacity);
});
