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

it("tells the values in most rows, then NULL, and puts the others together", () =>
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

it("reads app versions as they were stored", () =>
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

it("tells versions by the finest part that fits", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    const told = async (versions: readonly number[]): Promise<unknown> => {
      const rows = versions.map((app_version) => ({ app_version }));
      const { unit, values, others } = (await of(bench, rows)).appVersion;
      return [unit, values.map(({ value, rows: count }) => `${value ?? "NULL"}: ${count}`), others];
    };
    const patches = Array.from({ length: 11 }, (_, patch) => 2_003_000 + patch);
    expect(await told(patches.slice(0, 10))).toMatchObject(["patch", { length: 10 }, undefined]);
    expect(await told([...patches, 2_004_001])).toEqual(["minor", ["2.3: 11", "2.4: 1"], undefined]);
    const minors = Array.from({ length: 11 }, (_, minor) => 1_000_000 + minor * 1_000 + minor);
    expect(await told([...minors, 12_000_000])).toEqual(["major", ["1: 11", "12: 1"], undefined]);
    const majors = Array.from({ length: 12 }, (_, major) => major * 1_000_000);
    expect(await told(majors)).toMatchObject(["major", { length: 10 }, { values: 2, rows: 2 }]);
  }));

/** Each so many days after the one before it, from 1 January 2024, a Monday. */
function dates(count: number, days: number): Row[] {
  return Array.from({ length: count }, (_, index) => ({
    create_date: new Date(Date.UTC(2024, 0, 1 + index * days)).toISOString().slice(0, 10),
  }));
}

it("tells dates by the finest unit that fits, in the order of time, then NULL", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    const told = async (rows: readonly Row[]): Promise<unknown> => {
      const { unit, values, others } = (await of(bench, rows)).createDate;
      return [unit, values.length, values[0], values.at(-1), others];
    };
    expect(await told([])).toEqual(["day", 0, undefined, undefined, undefined]);
    expect(await told(dates(24, 1))).toEqual([
      ...["day", 24],
      ...[{ value: "2024-01-01", rows: 1 }, { value: "2024-01-24", rows: 1 }, undefined],
    ]);
    expect(await told([...dates(25, 1), {}])).toEqual([
      ...["week", 5],
      ...[{ value: "2024-01-01", rows: 7 }, { value: null, rows: 1 }, undefined],
    ]);
    expect(await told(dates(25 * 7, 1))).toEqual([
      ...["month", 6],
      ...[{ value: "2024-01", rows: 31 }, { value: "2024-06", rows: 23 }, undefined],
    ]);
    expect(await told(dates(800, 1))).toEqual([
      ...["year", 3],
      ...[{ value: "2024", rows: 366 }, { value: "2026", rows: 69 }, undefined],
    ]);
    expect(await told(dates(30, 366))).toEqual([
      ...["year", 24],
      ...[
        { value: "2030", rows: 1 },
        { value: "2053", rows: 1 },
        { values: 6, rows: 6 },
      ],
    ]);
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
          expect(values.length).toBeLessThanOrEqual(25);
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
