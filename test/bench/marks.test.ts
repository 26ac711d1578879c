import { expect, test } from "vitest";
import { judge, MARKS } from "../../bench/figures/marks.ts";
import { PEER_SCENARIOS, SCENARIOS } from "../../bench/scenarios.ts";
import { sample } from "./sample.ts";

const results = [
  sample("loopback", {
    "fetch-etl": [
      { throughput: 200, memory: 150 },
      { throughput: 20, memory: 100 },
    ],
    "sdk-loop": [
      { throughput: 100, memory: 100 },
      { throughput: 10, memory: 100 },
    ],
  }),
];
const against = { scenario: "loopback", entry: "fetch-etl", against: "sdk-loop" };

test.each([
  [{ figure: "throughput", atLeast: 2 } as const, 2, true],
  [{ figure: "throughput", atLeast: 2.1 } as const, 2, false],
  [{ figure: "memory", atMost: 1.25 } as const, 1.25, true],
  [{ figure: "memory", atMost: 1.2 } as const, 1.25, false],
  [{ figure: "memory" } as const, 1.25, null],
  [{ figure: "cpu", atMost: 1 } as const, null, null],
])("%j against the other gives %j: %j", (mark, value, met) => {
  const [judged] = judge(results, [{ name: "a mark", ...against, ...mark }]);
  expect(judged).toMatchObject({ met });
  if (value === null) expect(judged?.value).toBeNull();
  else expect(judged?.value).toBeCloseTo(value);
});

test("without another entry the figure itself counts", () => {
  const mark = { name: "a mark", scenario: "loopback", entry: "fetch-etl", figure: "memory" } as const;
  expect(judge(results, [{ ...mark, atMost: 125 }])).toMatchObject([{ value: 125, met: true }]);
});

test("a mark whose scenario was not run is left out", () => {
  expect(judge([])).toEqual([]);
  expect(new Set(judge(results).map(({ scenario }) => scenario))).toEqual(new Set(["loopback"]));
});

test("every mark measures entries that there are", () => {
  for (const { scenario, entry, against: other } of MARKS) {
    const labels = [...SCENARIOS, ...PEER_SCENARIOS]
      .find(({ name }) => name === scenario)
      ?.entries.map(({ label }) => label);
    expect(labels).toContain(entry);
    if (other !== undefined) expect(labels).toContain(other);
  }
});

test("labels are unique within a scenario, because marks go by them", () => {
  for (const { entries } of [...SCENARIOS, ...PEER_SCENARIOS]) {
    expect(new Set(entries.map(({ label }) => label)).size).toBe(entries.length);
  }
});
