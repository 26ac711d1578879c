import { expect, it } from "vitest";
import { spreadsOf } from "../../../src/cli/commands/verify/spread.ts";
import type { Distributions } from "../../../src/postgres/distributions.ts";

const NONE: Distributions = {
  locale: { values: [] },
  deviceType: { values: [] },
  appVersion: { unit: "patch", values: [] },
  createDate: { unit: "day", values: [] },
  repeats: { devices: [], ips: [] },
};

/** Headings and labels alone. */
function shown(distributions: Partial<Distributions>): Record<string, string[]> {
  const spreads = spreadsOf({ ...NONE, ...distributions });
  return Object.fromEntries(
    spreads.map(({ heading, counted }) => [heading, counted.map(({ label }) => label)]),
  );
}

it("has nothing to show of an empty table", () => {
  expect(shown({})).toEqual({});
});

it("labels what has no text of its own, and what could steer a terminal", () => {
  const values = [null, "", " ", "US", "\u001b[2J"].map((value) => ({ value, rows: 1 }));
  expect(shown({ locale: { values } })).toEqual({
    "rows by locale": ["(null)", "(blank)", "(blank)", "US", "�[2J"],
  });
});

it("labels a rest by how many values it puts together", () => {
  const values = [{ value: "a", rows: 1 }];
  expect(
    shown({
      deviceType: { values, others: { values: 1, rows: 1 } },
      appVersion: { unit: "patch", values, others: { values: 1200, rows: 1 } },
      createDate: { unit: "day", values, others: { values: 2, rows: 1 } },
    }),
  ).toEqual({
    "rows by device type": ["a", "1 other"],
    "rows by app version": ["a", "1,200 others"],
    "rows by day": ["a", "2 others"],
  });
});

it("labels ranges", () => {
  const devices = [
    { min: 1, max: 1, values: 5 },
    { min: 4, max: 9, values: 0 },
    { min: 1000, max: null, values: 1 },
  ];
  expect(shown({ repeats: { devices, ips: [] } })).toEqual({
    "devices by number of rows": ["1", "4 to 9", "1,000 or more"],
  });
});
