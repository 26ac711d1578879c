// Messages that are made to be slow stop neither a command nor the good messages beside them.
import { expect, it } from "vitest";
import { generateLogins } from "../../sandbox/messages.ts";
import { json, withBench } from "../support/bench.ts";

const [good] = generateLogins(1);

/** A value of so many characters, of one kind after another: each took seconds, or might in another reader. */
const slowValues = (length: number): Readonly<Record<string, string>>[] => [
  { ip: `${":".repeat(length)}x` },
  { ip: `::${"0:".repeat(length / 2)}x` },
  { ip: `[${"f".repeat(length)}]:443` },
  { app_version: `${"1.".repeat(length / 2)}x` },
  { app_version: `1.0.0+${"a.".repeat(length / 2)}!` },
  { create_date: `2024-01-15T10:15:30.${"0".repeat(length)}x` },
  { locale: " ".repeat(length) },
];

/** 56, of 200 kB and 1 MB. */
const slow = [200_000, 1_000_000]
  .flatMap((length) => Array.from({ length: 4 }, () => slowValues(length)).flat())
  .map((value) => ({ ...good, ...value }));

it("56 of them in one queue: peek, drain, quarantine replay and mask end, and the good ones load", () =>
  withBench(async (bench) => {
    const { sql, run } = bench;
    const neighbours = generateLogins(20).map((login, index) => ({ ...login, user_id: `good-${index}` }));
    // Out of range for a drain, and in range for a replay with --app-version major.
    const later = { ...good, user_id: "later", app_version: "20240115" };
    for (const message of [...slow, ...neighbours, later]) await bench.send([JSON.stringify(message)]);

    const peeked = await run(["peek", "--json", "--count", "100"]);
    expect(peeked.stdout.match(/"rejection":\["(ip|app_version|create_date|locale): /g)).toHaveLength(57);
    expect(peeked.stdout.match(/"row":/g)).toHaveLength(20);

    expect(json(await run(["drain", "--json"]))).toMatchObject({ loaded: 20, quarantined: 57, deleted: 77 });
    const rows = await sql`select user_id from public.user_logins order by user_id`;
    expect(rows.map((row) => String(row["user_id"]))).toEqual(
      neighbours.map(({ user_id }) => user_id).sort(),
    );
    const reasons =
      await sql`select distinct unnest(reasons) as reason from fetch_etl.quarantine order by reason`;
    expect(reasons.map((row) => String(row["reason"]))).toEqual([
      "app_version: not a version",
      "app_version: out of range",
      "create_date: not an ISO date",
      "ip: not an IP address",
      "locale: longer than 32 characters",
    ]);

    const replayed = await run(["quarantine", "replay", "--json", "--app-version", "major"]);
    expect(json(replayed)).toMatchObject({ loaded: 1, rejected: 56 });

    const addresses = slow.flatMap(({ ip }) => (ip === good?.ip ? [] : [ip]));
    const masked = await run(["mask", "--field", "ip"], {}, ["192.0.2.1", ...addresses].join("\n"));
    expect(masked).toMatchObject({ code: 2, stdout: "" });
    expect(masked.stderr).toMatch(/line 2, .*line 11 and 14 others\. Nothing was masked/);
  }));
