// A mapping of one's own from the queue to the table and back: records, attributes, odd names and types, masks, idempotency keys.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { json, withBench, type Bench } from "../support/bench.ts";
import { withFolder } from "../support/folder.ts";
import { REASON, withVault } from "../support/vault.ts";

const it = test.concurrent;

const TABLE = `
  create schema "Shop";
  create type "Shop"."Status" as enum ('new', 'paid');
  create domain "Shop"."Amount" as numeric(12, 2) check (value >= 0);
  create table "Shop"."Order Lines" (
    "Order" bigint not null, "select" varchar(20), "line ""no""" integer, status "Shop"."Status", amount "Shop"."Amount",
    "at" timestamp, data jsonb, "E-Mail" varchar(256), net text, source text, logo text, qty integer, own integer default 7
  )`;

/** Without `unit`, a time as a number is rejected. */
const mapping = (unit = "", dedupe = "dedupe: [$message.order, $index]"): string => `
version: 1
table: Shop.Order Lines
records: lines
when: { kind: line }
unmatched: skip
${dedupe}
columns:
  Order: { from: $message.order, type: bigint }
  select: { from: sku }
  'line "no"': { from: $index, type: integer }
  status: {}
  amount: { type: numeric }
  at: { type: timestamptz ${unit} }
  data: { type: jsonb, keep: [color, tags.name], required: false }
  E-Mail: { from: [email, $message.email], mask: token, field: email, normalize: [trim, lower] }
  net: { from: ip, type: ip, mask: { network: { v4: 16, v6: 32 } }, field: addr, required: false }
  source: { from: $attribute.source, required: false }
  logo: { from: $attribute.logo, required: false }
  qty: { type: integer, invalid: set_null, required: false }
`;

const line = (more: object = {}): object => ({
  ...{ kind: "line", sku: "a-1", status: "new", amount: "12.30", at: "2024-05-06T07:08:09+02:00", ...more },
});
const order = (number: number, lines: readonly object[]): string =>
  JSON.stringify({ order: number, email: " Ada@Example.org ", lines });

const DATA = { color: "red", secret: "x", tags: [{ name: "n1", id: 1 }, { name: "n2" }] };
const ORDER = order(2 ** 53, [
  line({ data: DATA, ip: "192.0.2.77", qty: 3 }),
  line({ status: "gone" }),
  line({ amount: "-1" }),
  { kind: "comment" },
  line({ at: 1_714_972_089_123, email: "secret-2@example.org" }),
  line({ qty: "many", sku: 'a"b, \\ {c}', data: null, ip: "2001:db8:1:2::7" }),
  line({ amount: 1e3, email: null, qty: 1.0 }),
]).replace('"order":9007199254740992', '"order":9007199254740993');

/** Sends a body with message attributes. */
async function sendWith(bench: Bench, MessageBody: string, attributes: object): Promise<void> {
  const response = await fetch(bench.sqs.endpoint, {
    method: "POST",
    headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage" },
    body: JSON.stringify({ QueueUrl: bench.queueUrl, MessageBody, MessageAttributes: attributes }),
  });
  expect(response.status).toBe(200);
}

const ATTRIBUTES = {
  source: { DataType: "String", StringValue: "web" },
  logo: { DataType: "Binary", BinaryValue: Buffer.from([0, 255]).toString("base64") },
};

async function withFile<T>(
  text: string,
  use: (path: string, write: (text: string) => Promise<void>) => Promise<T>,
): Promise<T> {
  return withFolder(async (folder) => {
    const path = join(folder, "mapping.yaml");
    await writeFile(path, text);
    return use(path, (next) => writeFile(path, next));
  });
}

const rowsOf = ({ sql }: Pick<Bench, "sql">): Promise<Record<string, unknown>[]> =>
  sql.unsafe(`select "Order"::text, "select", "line ""no""" as place, status::text, amount::text, "at"::text, data, "E-Mail" as email, net,
    source, logo, qty, own from "Shop"."Order Lines" order by "Order", "line ""no"""`);

it("loads records with their types, names and attributes, keeps the others once, and replays them when the mapping is mended", () =>
  withBench((bench) =>
    withFile(mapping(), async (path, write) => {
      await bench.sql.unsafe(TABLE);
      await sendWith(bench, ORDER, ATTRIBUTES);
      const zipped = order(2, [line({ sku: "z" })]);
      await bench.send([gzipSync(zipped).toString("base64"), order(3, []), "no JSON"]);
      const shown = await bench.run(["peek", "--json", "--mapping", path]);
      const peeked = shown.stdout
        .trimEnd()
        .split("\n")
        .map((each) => JSON.parse(each) as Record<string, unknown>);
      const first = peeked.find(({ row }) => row !== undefined && JSON.stringify(row).includes("web"));
      expect(first?.["row"]).toMatchObject({ source: "web", logo: "AP8=", Order: "9007199254740993" });

      const drained = await bench.run(["drain", "--json", "--mapping", path]);
      expect(json(drained)).toMatchObject({
        ...{
          table: "Shop.Order Lines",
          received: 4,
          deleted: 4,
          loaded: 4,
          quarantined: 4,
          skipped: 2,
          duplicates: 0,
        },
        invalid: { qty: 1 },
      });
      const token: unknown = expect.stringMatching(/^h1\.[\w-]{8}\.[\w-]{43}$/);
      const usual = {
        ...{
          Order: "9007199254740993",
          select: "a-1",
          status: "new",
          amount: "12.30",
          at: "2024-05-06 05:08:09",
        },
        ...{ data: null, email: token, net: null, source: "web", logo: "AP8=", qty: null, own: 7 },
      };
      const kept = { color: "red", tags: [{ name: "n1" }, { name: "n2" }] };
      const rows = await rowsOf(bench);
      expect(rows).toEqual([
        { ...usual, Order: "2", select: "z", place: 0, source: null, logo: null },
        { ...usual, place: 0, data: kept, net: token, qty: 3 },
        { ...usual, place: 5, select: 'a"b, \\ {c}', net: token },
        { ...usual, place: 6, amount: "1000.00", qty: 1 },
      ]);
      const held = await bench.sql<{ id: string; reasons: string[]; records: number[] | null }[]>`
        select message_id as id, reasons, records from fetch_etl.quarantine order by cardinality(reasons)`;
      expect(held.map(({ reasons, records }) => ({ reasons, records }))).toEqual([
        { reasons: ["body: not JSON"], records: null },
        {
          reasons: [
            "record 1: row: refused by Postgres, SQLSTATE 22P02",
            "record 2: row: refused by Postgres, SQLSTATE 23514, constraint Amount_check",
            "record 4: at: not an ISO date and time with a time zone",
          ],
          records: [1, 2, 4],
        },
      ]);
      const listed = json(await bench.run(["quarantine", "list", "--json"]));
      expect(listed).toMatchObject({
        total: 2,
        reasons: [
          "at: not an ISO date and time with a time zone",
          "body: not JSON",
          "row: refused by Postgres, SQLSTATE 22P02",
          "row: refused by Postgres, SQLSTATE 23514, constraint Amount_check",
        ].map((reason) => ({ reason, count: 1 })),
      });

      // A message that is sent again has another id, and the same keys.
      await sendWith(bench, ORDER, ATTRIBUTES);
      expect(json(await bench.run(["drain", "--json", "--mapping", path]))).toMatchObject({
        ...{ received: 1, loaded: 0, duplicates: 3, quarantined: 3, skipped: 1, deleted: 1 },
      });

      await write(mapping(", unit: ms"));
      await bench.sql.unsafe(`alter type "Shop"."Status" add value 'gone'`);
      const replay = ["quarantine", "replay", "--json", "--mapping", path];
      // The login's mapping does not find the records.
      expect(json(await bench.run(["quarantine", "replay", "--json"]))).toMatchObject({
        loaded: 0,
        skipped: 0,
      });
      // Of the two copies of each record, one.
      expect(json(await bench.run(replay))).toMatchObject({ loaded: 2, rejected: 3 });
      expect(await rowsOf(bench)).toEqual([
        ...rows.slice(0, 2),
        { ...usual, place: 1, status: "gone" },
        { ...usual, place: 4, at: "2024-05-06 05:08:09.123" },
        ...rows.slice(2),
      ]);
      expect(
        await bench.sql`select records, cardinality(reasons) as reasons from fetch_etl.quarantine where records is not null`,
      ).toEqual([
        { records: [2], reasons: 1 },
        { records: [2], reasons: 1 },
      ]);
      await bench.sql.unsafe(`alter domain "Shop"."Amount" drop constraint "Amount_check"`);
      expect(json(await bench.run(replay))).toMatchObject({ loaded: 1, rejected: 1 });
      expect(json(await bench.run(replay))).toMatchObject({ loaded: 0, rejected: 1 });
      expect((await rowsOf(bench)).map(({ Order, place }) => [Order, place])).toEqual([
        ["2", 0],
        ...[0, 1, 2, 4, 5, 6].map((place) => ["9007199254740993", place]),
      ]);
      const told = shown.stdout + shown.stderr + drained.stdout + drained.stderr;
      for (const value of ["Ada@", "ada@", "secret", "192.0.2.77", "2001:db8:1"])
        expect(told).not.toContain(value);
    }),
  ));

it("loads each record once by drains at the same time, and again where a message is sent again without an idempotency key", () =>
  withBench((bench) =>
    withFile(mapping("", ""), async (path, write) => {
      await bench.sql.unsafe(TABLE);
      const orders = Array.from({ length: 100 }, (_, index) =>
        order(
          index,
          Array.from({ length: 10 }, () => line(index % 20 === 3 ? { amount: "x" } : {})),
        ),
      );
      const drain = ["drain", "--json", "--batch-size", "7", "--mapping", path];
      const both = async (): Promise<number[]> => {
        await bench.send(orders);
        const runs = (await Promise.all([bench.run(drain), bench.run(drain)])).map(json);
        return ["loaded", "quarantined", "duplicates", "deleted"].map((key) =>
          runs.reduce((sum, run) => sum + Number(run[key]), 0),
        );
      };
      expect(await both()).toEqual([950, 50, 0, 100]);
      expect(await both()).toEqual([950, 50, 0, 100]);
      await bench.sql.unsafe(`truncate "Shop"."Order Lines"`);
      await write(mapping());
      expect(await both()).toEqual([950, 50, 0, 100]);
      expect(await both()).toEqual([0, 50, 950, 100]);
      const [found] = await bench.sql.unsafe(
        `select count(*)::integer as rows, count(distinct ("Order", "line ""no"""))::integer as lines from "Shop"."Order Lines"`,
      );
      expect(found).toEqual({ rows: 950, lines: 950 });
    }),
  ));

it("masks, reveals, rotates, verifies and forgets the mapping's own fields, networks included", () =>
  withVault((bench) =>
    withFile(mapping(), async (path) => {
      await bench.sql.unsafe(TABLE);
      await bench.send([
        order(1, [
          line({ ip: "192.0.2.77" }),
          line({ ip: "192.0.99.1", email: "b@example.org" }),
          line({ amount: "x" }),
        ]),
        order(2, [line({ amount: "x", email: "B@example.org " })]),
      ]);
      const env = { FETCH_ETL_MAPPING: path, FETCH_ETL_RECOVERY_RECIPIENT: bench.holder.recipient };
      expect(json(await bench.run(["drain", "--json"], env))).toMatchObject({ loaded: 2, quarantined: 2 });
      const [one, two] = await rowsOf(bench);
      expect([one?.["net"], one?.["email"] === two?.["email"]]).toEqual([two?.["net"], false]);
      const [email, other, net] = [one?.["email"], two?.["email"], one?.["net"]].map(String);

      const mask = async (field: string, value: string): Promise<string> =>
        (await bench.run(["mask", "--field", field, value], env)).stdout.trim();
      expect(await mask("email", " ADA@example.org")).toBe(email);
      expect(await mask("network/addr", "192.0.255.255")).toBe(net);
      expect((await bench.reveal([email ?? "", net ?? ""])).stdout).toMatch(
        /ada@example\.org\n.*192\.0\.0\.0\/16\n$/,
      );
      expect(json(await bench.run(["verify", "--json", "--expect", "2"], env))).toMatchObject({
        ...{ ok: true, unmasked: 0, rows: 2 },
        columns: { "E-Mail": { unmasked: 0, distinct: 2 }, net: { unmasked: 0, distinct: 1 } },
      });

      const found = json(
        await bench.run(["forget", other ?? "", "--reason", REASON, "--json", "--yes"], env),
      );
      // The body of a message is kept as a whole, with the records that were loaded.
      const held = await bench.sql<
        { id: string }[]
      >`select message_id as id from fetch_etl.quarantine order by id`;
      expect(found).toMatchObject({ forgotten: 1, quarantinedBodies: { notOpened: 0, tokensNotSought: 0 } });
      const { quarantinedBodies } = found as { quarantinedBodies: { found: string[] } };
      expect(quarantinedBodies.found.toSorted()).toEqual(held.map(({ id }) => id));

      const keys = `${Buffer.alloc(32, 9).toString("base64")},${bench.env["FETCH_ETL_MASKING_KEY"] ?? ""}`;
      const rotated = { ...env, FETCH_ETL_MASKING_KEY: keys };
      const rotate = await bench.run(["rotate", "--identity", bench.holder.file, "--json"], rotated);
      expect(rotate.code, rotate.stderr).toBe(0);
      const [again] = await rowsOf(bench);
      expect([again?.["email"] === email, again?.["net"] === net]).toEqual([false, false]);
      const revealed = await bench.reveal([String(again?.["email"]), String(again?.["net"])]);
      expect(revealed.stdout).toMatch(/ada@example\.org\n.*192\.0\.0\.0\/16\n$/);
    }),
  ));

it("warns where it skipped everything, in a drain and in a dry run, and deletes it in the drain alone", () =>
  withBench((bench) =>
    withFile(mapping(), async (path) => {
      await bench.sql.unsafe(TABLE);
      await bench.send([order(1, [{ kind: "x" }, { kind: "y" }]), order(2, [])]);
      for (const flags of [["--dry-run"], []]) {
        const { code, stdout, stderr } = await bench.run(["drain", "--json", "--mapping", path, ...flags]);
        expect(json({ stdout })).toMatchObject({ received: 2, skipped: 3, loaded: 0 });
        expect(code).toBe(0);
        expect(stderr).toMatch(/^warning: The mapping skipped everything[^\n]*\(3\)[^\n]*\n$/);
      }
      expect(await bench.contents()).toEqual({ ready: 0, inflight: 0, delayed: 0 });
      await bench.send([order(3, [{ kind: "x" }, line()])]);
      expect(await bench.run(["drain", "--quiet", "--mapping", path])).toEqual({
        code: 0,
        stdout: "",
        stderr: "",
      });
    }),
  ));
