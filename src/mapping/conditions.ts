// Pure: the conditions of `when`.
import { createLookup } from "./lookup.ts";
import type { Condition, Json } from "./mapping.ts";
import type { OpenedRecord } from "./opened.ts";

/** The conditions that do not hold, as reasons; undefined if all hold. */
export type Conditions = (opened: OpenedRecord) => readonly string[] | undefined;

/** Makes a function of conditions. Values are of one type and equal, numbers by value (`1.0` is 1); null is not missing. */
export function createConditions(when: readonly Condition[]): Conditions {
  const conditions = when.map(({ path, test }) => ({
    lookup: createLookup(path),
    holds: createTest(test),
    reason: `when ${path.text}: no match`,
  }));
  return (opened) => {
    const unmet = conditions.filter(({ lookup, holds }) => !holds(lookup(opened)));
    return unmet.length === 0 ? undefined : unmet.map(({ reason }) => reason);
  };
}

/** Whether a condition is about the record alone; the others are about its message, and are looked at once. */
export function isOfRecord({ path }: Condition): boolean {
  return path.kind === "keys" ? path.root === "record" : path.kind === "fact" && path.fact === "index";
}

function createTest(test: Condition["test"]): (value: Json | undefined) => boolean {
  switch (test.kind) {
    case "equals": {
      // A set compares numbers by value: 0 is -0.
      const values = new Set<Json | undefined>(test.values);
      return (value) => values.has(value);
    }
    case "prefix":
      return (value) => typeof value === "string" && value.startsWith(test.prefix);
    case "missing":
      return (value) => value === undefined;
  }
}
