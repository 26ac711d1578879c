import { expect, it } from "vitest";
import { verifyPage } from "../../../src/cli/commands/verify/page/page.ts";
import type { Verified } from "../../../src/cli/commands/verify/report.ts";
import type { VerifiedColumn } from "../../../src/postgres/verify.ts";

const HOSTILE = "<img src=x onerror=alert(1)>\u001b";

function pageOf(
  columns: readonly (readonly [string, VerifiedColumn])[],
  more: Partial<Verified> = {},
): string {
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
      ...more,
    },
    mismatches: [],
    table: "public.events",
    database: '"logins" at db.example.com:5432',
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

it("names the database, its server, the table and the time", () => {
  const page = pageOf([]).replace(/\s+/g, " ");
  expect(page).toContain("<h1>Rows in the table public.events</h1>");
  expect(page).toContain("Database &quot;logins&quot; at db.example.com:5432. Checked ");
  expect(page).toContain('<time datetime="1970-01-01T00:00:00.000Z">1970-01-01 00:00 UTC</time>');
});

it("has a percentage beside each count that is a part of another, and the query for unmasked values", () => {
  const page = pageOf(
    [
      [
        "masked_ip",
        {
          ...{ type: "ip", nulls: 1, distinct: 2, unmasked: 1, keyIds: { abcdefgh: 2 } },
          mostRepeated: [{ token: "h1.abcdefgh.x", rows: 2 }],
        },
      ],
    ],
    {
      ...{ rows: 4, unmasked: 1, quarantined: 8, quarantineReasons: { "ip: missing": 2 }, ok: false },
      unmaskedQuery: `select 1\nwhere ${HOSTILE};`,
    },
  ).replace(/\s+/g, " ");
  for (const text of [
    "<dt>Unmasked values</dt> <dd>1 (33%)</dd>",
    "<td>1 (25%)</td>",
    "<td>masked_ip</td><td>2 (50%)</td>",
    '<th scope="row"><span class="token">h1.abcdefgh.x</span></th> <td>2 (50%)</td>',
    '<th scope="row">ip: missing</th> <td>2 (25%)</td>',
    "<pre><code>select 1 where &lt;img src=x onerror=alert(1)&gt;\u{FFFD};</code></pre>",
  ])
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

it.each([
  [{}, "ok", "ok"],
  [{ quarantined: 1_200 }, "waiting", "ok, 1,200 quarantined"],
  [{ quarantined: 8, ok: false }, "bad", "mismatch"],
])("ends its title with the verdict, and colors it: %j", (more, color, text) => {
  const page = pageOf([], more);
  expect(page).toContain(`<title>public.events: ${text}</title>`);
  expect(page).toMatch(new RegExp(`<div class="verdict ${color}">\\s*<p>${text}</p>`));
});
