import fc from "fast-check";
import { expect, test } from "vitest";
import { distributions, type Distribution, type Distributions } from "../../src/postgres/distributions.ts";
import { makeTables, withBench, type Bench } from "../support/bench.ts";

const it = test.concurrent;

interface Row {
  readonly locale?: string | null;
  readonly app_version?: number | null;
  readonly create_date?: string | null;
  readonly masked_ip?: string | null;
  readonly masked_device_id?: string | null;
}

/** The distributions of rows that hold what is given, and NULL beside it. */
async function of({ sql }: Bench, rows: readonly Row[]): Promise<Distributions> {
  await sql`truncate public.user_logins`;
  await sql`insert into public.user_logins (locale, app_version, create_date, masked_ip, masked_device_id)
    select locale, app_version, create_date, masked_ip, masked_device_id
    from jsonb_populate_recordset(null::public.user_logins, ${sql.json(rows.map((row) => ({ ...row })))})`;
  return distributions(sql, "public.user_logins", "full");
}

it("gives the ten most frequent values, then NULL, and the rest combined", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    // a in 26 rows down to z in one
    const letters = Array.from("abcdefghijklmnopqrstuvwxyz");
    const rows = letters.flatMap((locale, index) => Array.from({ length: 26 - index }, () => ({ locale })));
    const { locale, deviceType } = await of(bench, [...rows, {}, { locale: null }, { locale: "" }]);
    expect(locale).toEqual({
      values: [
        ...letters.slice(0, 10).map((value, index) => ({ value, rows: 26 - index })),
        { value: null, rows: 2 },
      ],
      others: { values: 17, rows: 137 },
    });
    expect(deviceType).toEqual({ values: [{ value: null, rows: rows.length + 3 }] });
  }));

it("decodes app versions as they were stored", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    const versions = [2_003_001, 2_003_001, 0, null].map((app_version) => ({ app_version }));
    expect((await of(bench, versions)).appVersion).toEqual({
      unit: "patch",
      values: [
        { value: "2.3.1", rows: 2 },
        { value: "0.0.0", rows: 1 },
        { value: null, rows: 1 },
      ],
    });
    await bench.sql`update public.user_logins set app_version = 2`;
    expect((await distributions(bench.sql, "public.user_logins", "major")).appVersion).toEqual({
      unit: "major",
      values: [{ value: "2", rows: 4 }],
    });
  }));

it("gives the ten most frequent dates, however long the period", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    // One row on the first date, two on the next, up to twelve.
    const rows = Array.from({ length: 12 }, (_, index) =>
      Array.from({ length: index + 1 }, () => ({ create_date: `20${24 + index}-01-${10 + index}` })),
    );
    const { createDate } = await of(bench, [...rows.flat(), {}]);
    expect(createDate).toMatchObject({ unit: "day", others: { values: 2, rows: 3 } });
    expect(createDate.values).toHaveLength(11);
    expect(createDate.values[0]).toEqual({ value: "2035-01-21", rows: 12 });
    expect(createDate.values.at(-1)).toEqual({ value: null, rows: 1 });
  }));

it("tells how many devices and addresses stand in how many rows, and reads none of them", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    const device = (name: string, times: number): Row[] =>
      Array.from({ length: times }, () => ({ masked_device_id: name }));
    const told = await of(bench, [
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
    expect(told.repeats).toEqual({
      devices: [
        { min: 1, max: 1, values: 2 },
        { min: 2, max: 2, values: 0 },
        { min: 3, max: 3, values: 1 },
        { min: 4, max: 9, values: 1 },
        { min: 10, max: 99, values: 0 },
        { min: 100, max: null, values: 1 },
      ],
      ips: [
        { min: 1, max: 1, values: 0 },
        { min: 2, max: 2, values: 1 },
      ],
    });
    expect(JSON.stringify(told)).not.toContain("192.0.2.1");
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
        const { repeats, ...spreads } = await of(bench, rows);
        for (const { values, others } of Object.values<Distribution>(spreads)) {
          expect(values.length).toBeLessThanOrEqual(11);
          const told = values.reduce((sum, each) => sum + each.rows, others?.rows ?? 0);
          expect(told).toBe(rows.length);
        }
        const sum = (ranges: Distributions["repeats"]["ips"]): number =>
          ranges.reduce((total, { values }) => total + values, 0);
        const distinct = (values: (string | null)[]): number =>
          new Set(values.filter((each) => each !== null)).size;
        expect(sum(repeats.devices)).toBe(distinct(rows.map((each) => each.masked_device_id)));
        expect(sum(repeats.ips)).toBe(distinct(rows.map((each) => each.masked_ip)));
      }),
      { numRuns: 30 },
    );
  }));
