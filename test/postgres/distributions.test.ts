import fc from "fast-check";
import { expect, test } from "vitest";
import { LOGIN } from "../../src/config/mapping.ts";
import { settingsFor } from "../support/databases.ts";
import { verifyTables, type VerifiedColumn } from "../../src/postgres/verify.ts";
import { makeTables, withBench, type Bench } from "../support/bench.ts";

const it = test.concurrent;

interface Row {
  readonly locale?: string | null;
  readonly app_version?: number | null;
  readonly create_date?: string | null;
  readonly masked_ip?: string | null;
  readonly masked_device_id?: string | null;
}

/** The columns of rows that hold what is given, and NULL beside it. */
async function of(
  { sql, databaseUrl }: Bench,
  rows: readonly Row[],
): Promise<(name: string) => VerifiedColumn> {
  await sql`truncate public.user_logins`;
  await sql`insert into public.user_logins (locale, app_version, create_date, masked_ip, masked_device_id)
    select locale, app_version, create_date, masked_ip, masked_device_id
    from jsonb_populate_recordset(null::public.user_logins, ${sql.json(rows.map((row) => ({ ...row })))})`;
  const url = new URL(databaseUrl);
  const { columns } = await verifyTables(settingsFor(url, url.username, url.password), "values");
  expect([...columns.keys()]).toEqual(LOGIN.columns.map(({ name }) => name));
  return (name) => columns.get(name) ?? { type: "text", nulls: NaN };
}

it("gives the ten most frequent values, then NULL, and the rest combined", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    // a in 26 rows down to z in one
    const letters = Array.from("abcdefghijklmnopqrstuvwxyz");
    const rows = letters.flatMap((locale, index) => Array.from({ length: 26 - index }, () => ({ locale })));
    const column = await of(bench, [...rows, {}, { locale: null }, { locale: "" }]);
    expect(column("locale")).toEqual({
      type: "text",
      nulls: 2,
      distinct: 27,
      values: [
        ...letters.slice(0, 10).map((value, index) => ({ value, rows: 26 - index })),
        { value: null, rows: 2 },
      ],
      others: { values: 17, rows: 137 },
    });
    expect(column("device_type")).toMatchObject({
      distinct: 0,
      values: [{ value: null, rows: rows.length + 3 }],
    });
  }));

it("gives the ten most frequent dates, however long the period", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    // One row on the first date, two on the next, up to twelve.
    const rows = Array.from({ length: 12 }, (_, index) =>
      Array.from({ length: index + 1 }, () => ({ create_date: `20${24 + index}-01-${10 + index}` })),
    );
    const { values = [], ...dates } = (await of(bench, [...rows.flat(), {}]))("create_date");
    expect(dates).toMatchObject({ min: "2024-01-10", max: "2035-01-21", others: { values: 2, rows: 3 } });
    expect(values).toHaveLength(11);
    expect(values[0]).toEqual({ value: "2035-01-21", rows: 12 });
    expect(values.at(-1)).toEqual({ value: null, rows: 1 });
  }));

it("tells how many masked values stand in how many rows, and reads none that is no token", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    const device = (name: string, times: number): Row[] =>
      Array.from({ length: times }, () => ({ masked_device_id: name }));
    const column = await of(bench, [
      ...[
        ...device("a", 1),
        ...device("b", 1),
        ...device("c", 3),
        ...device("d", 9),
        ...device("192.0.2.1", 100),
      ],
      { masked_ip: "x" },
      { masked_ip: "x" },
      {},
    ]);
    const [devices, addresses] = [column("masked_device_id"), column("masked_ip")];
    expect(devices).toMatchObject({ distinct: 5, mostRepeated: [] });
    expect(devices.repeats).toEqual([
      { min: 1, max: 1, values: 2 },
      { min: 2, max: 2, values: 0 },
      { min: 3, max: 3, values: 1 },
      { min: 4, max: 9, values: 1 },
      { min: 10, max: 99, values: 0 },
      { min: 100, max: null, values: 1 },
    ]);
    expect(addresses.repeats).toEqual([
      { min: 1, max: 1, values: 0 },
      { min: 2, max: 2, values: 1 },
    ]);
    expect(JSON.stringify([devices, addresses])).not.toContain("192.0.2.1");
  }));

it("gives the five most frequent tokens of two rows or more", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    const token = (letter: string): string => `h1.abcdefgh.${letter.repeat(43)}`;
    // a in seven rows down to g in one
    const rows = Array.from("abcdefg").flatMap((letter, index) =>
      Array.from({ length: 7 - index }, () => ({ masked_ip: token(letter) })),
    );
    const column = await of(bench, [...rows, { masked_ip: token("A") }, { masked_ip: token("A") }]);
    expect(column("masked_ip").mostRepeated).toEqual(
      Array.from("abcde", (letter, index) => ({ token: token(letter), rows: 7 - index })),
    );
    const few = await of(bench, rows.slice(-3));
    expect(few("masked_ip").mostRepeated).toEqual([{ token: token("f"), rows: 2 }]);
  }));

it("leaves no row out, and stays small, whatever stands in the table", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    const text = fc.option(fc.string({ maxLength: 2 }).map((each) => each.replaceAll("\0", "")));
    const row = fc.record({
      locale: text,
      app_version: fc.option(fc.integer({ min: -5, max: 40 })),
      create_date: fc.option(
        fc
          .date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true })
          .map((at) => at.toISOString().slice(0, 10)),
      ),
      masked_device_id: text,
      masked_ip: text,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 120 }), async (rows) => {
        const column = await of(bench, rows);
        for (const name of ["locale", "app_version", "create_date"]) {
          const { values = [], others } = column(name);
          expect(values.length).toBeLessThanOrEqual(11);
          const told = values.reduce((sum, each) => sum + each.rows, others?.rows ?? 0);
          expect(told).toBe(rows.length);
        }
        for (const name of ["masked_device_id", "masked_ip"] as const) {
          const { repeats = [], distinct } = column(name);
          const values = new Set(rows.map((row) => row[name]).filter((each) => each !== null));
          expect(repeats.reduce((total, each) => total + each.values, 0)).toBe(values.size);
          expect(distinct).toBe(values.size);
        }
      }),
      { numRuns: 30 },
    );
  }));
