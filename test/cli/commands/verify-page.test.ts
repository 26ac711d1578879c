import { expect, it } from "vitest";
import { verifyPage } from "../../../src/cli/commands/verify/page/page.ts";
import type { VerifiedColumn } from "../../../src/postgres/verify.ts";

const HOSTILE = "<img src=x onerror=alert(1)>\u001b";

function pageOf(columns: readonly (readonly [string, VerifiedColumn])[]): string {
  return verifyPage({
    verified: {
      table: "public.events",
      rows: 3,
      columns: new Map(columns),
      unmasked: 0,
      quarantined: 0,
      quarantineReasons: {},
      repeatedBodies: null,
      queue: null,
      expected: undefined,
      ok: true,
    },
    mismatches: [],
    table: "public.events",
    queue: "events",
    at: 0,
    version: "1.2.3",
  });
}

it("shows any columns, and no name or value of one becomes markup", () => {
  const page = pageOf([
    [
      HOSTILE,
      {
        type: "timestamptz",
        nulls: 1,
        distinct: 1,
        min: HOSTILE,
        max: null,
        values: [{ value: HOSTILE, rows: 2 }],
      },
    ],
    [
      `masked ${HOSTILE}`,
      {
        ...{ type: "ip", nulls: 0, distinct: 1, unmasked: 0, keyIds: { abcdefgh: 3 } },
        repeats: [{ min: 3, max: 3, values: 1 }],
        mostRepeated: [{ token: "h1.abcdefgh.x", rows: 3 }],
      },
    ],
  ]);
  for (const text of ["<img", "\u001b"]) expect(page).not.toContain(text);
  for (const text of ["Rows by &lt;img", "Smallest", "timestamptz", "Most repeated masked", "abcdefgh"])
    expect(page).toContain(text);
});

it("shows the first 50 of many columns, and says so", () => {
  const column: VerifiedColumn = { type: "text", nulls: 0, distinct: 1, values: [{ value: "a", rows: 3 }] };
  const page = pageOf(Array.from({ length: 1600 }, (_, index) => [`column_${index}_`, column] as const));
  expect(page.match(/<figure/g)).toHaveLength(50);
  expect(page).toContain("Charts show the first 50 of 1,600 columns; --json has all of them.");
  expect(page).toContain("column_49_");
  expect(page).not.toContain("column_50_");
  expect(page.length).toBeLessThan(1_000_000);
});
