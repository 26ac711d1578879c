import { expect, it } from "vitest";
import { spreadsOf } from "../../../src/cli/commands/verify/spread.ts";
import type { VerifiedColumn } from "../../../src/postgres/verify.ts";

/** Headings and labels alone. */
function shown(columns: Readonly<Record<string, Partial<VerifiedColumn>>>): Record<string, string[]> {
  const all = Object.entries(columns).map(([name, column]): [string, VerifiedColumn] => [
    name,
    { type: "text", nulls: 0, ...column },
  ]);
  return Object.fromEntries(
    spreadsOf(new Map(all)).map(({ heading, counted }) => [heading, counted.map(({ label }) => label)]),
  );
}

it("has nothing to show of an empty table, and of a column whose values were not read", () => {
  expect(shown({ a: { values: [] }, b: { repeats: [] }, c: {} })).toEqual({});
});

it("labels what has no text of its own, and what could steer a terminal", () => {
  const values = [null, "", " ", "US", "\u001b[2J"].map((value) => ({ value, rows: 2 }));
  expect(shown({ "lo\u001bcale": { values } })).toEqual({
    "rows by lo\ufffdcale": ["(null)", "(blank)", "(blank)", "US", "\ufffd[2J"],
  });
});

it("labels a rest by how many values it puts together", () => {
  const values = [{ value: "a", rows: 10 }];
  expect(
    shown({
      device_type: { values, others: { values: 1, rows: 1 } },
      app_version: { values, others: { values: 1200, rows: 2400 } },
    }),
  ).toEqual({
    "rows by device_type": ["a", "1 other"],
    "rows by app_version": ["a", "1,200 others"],
  });
});

it("leaves out a column whose values mostly occur once, such as an id", () => {
  const ids = ["a", "b", null].map((value) => ({ value, rows: 1 }));
  expect(shown({ id: { values: ids } })).toEqual({});
  expect(shown({ id: { values: ids, others: { values: 1000, rows: 1997 } } })).toEqual({});
  expect(shown({ id: { values: ids, others: { values: 1000, rows: 2002 } } })).not.toEqual({});
  expect(shown({ one: { values: [{ value: "a", rows: 1 }] } })).toEqual({ "rows by one": ["a"] });
  expect(shown({ none: { values: [{ value: null, rows: 3 }] } })).toEqual({ "rows by none": ["(null)"] });
});

it("labels ranges of the rows of a masked column's values", () => {
  const repeats = [
    { min: 1, max: 1, values: 5 },
    { min: 4, max: 9, values: 0 },
    { min: 1000, max: null, values: 1 },
  ];
  expect(shown({ masked_device_id: { repeats } })).toEqual({
    "masked_device_id values by number of rows": ["1", "4 to 9", "1,000 or more"],
  });
});

it("draws the first 50 columns", () => {
  const values = [{ value: "a", rows: 1 }];
  const columns = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`c${index}`, { values }]));
  const drawn = Object.keys(shown(columns));
  expect([drawn.length, drawn.at(-1)]).toEqual([50, "rows by c49"]);
});
