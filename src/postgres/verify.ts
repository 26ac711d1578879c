// `fetch-etl verify`: counts and checks rows, tokens and the quarantine. Writes nothing.
import type { DatabaseSettings } from "../config/database.ts";
import { Failure } from "../failure.ts";
import type { AppVersionStyle } from "../login/app-version.ts";
import { LOGIN_COLUMNS } from "../login/row.ts";
import type { Reader } from "./connection.ts";
import { withDatabase } from "./database.ts";
import { distributions, type Distributions } from "./distributions.ts";
import { countRepeatedBodies } from "./ledger.ts";
import { summarise } from "./quarantine.ts";
import { fullName } from "./quote.ts";
import { tablesPresent } from "./schema.ts";
import { isToken, tokenKeyId } from "./token.ts";
import { inTransaction, SNAPSHOT } from "./transaction.ts";

type Column = (typeof LOGIN_COLUMNS)[number];

/** A token, and the number of rows that have it. */
export interface Repeated {
  readonly token: string;
  readonly rows: number;
}

export interface Verification {
  readonly rows: number;
  readonly distinct: { readonly users: number; readonly ips: number; readonly devices: number };
  readonly nulls: Readonly<Record<Column, number>>;
  /** ISO dates; null where the table is empty. */
  readonly createDate: { readonly min: string | null; readonly max: string | null };
  /** How many `masked_*` values are neither NULL nor a token: leaks. */
  readonly unmasked: number;
  /** By the id of the masking key: the number of rows that have a token of it, for each of the two columns. */
  readonly keyIds: Readonly<Record<string, { readonly ips: number; readonly devices: number }>>;
  /** The most frequent tokens, in two rows or more, most frequent first. */
  readonly mostRepeated: { readonly devices: readonly Repeated[]; readonly ips: readonly Repeated[] };
  /** Only on request. */
  readonly distributions?: Distributions;
  /**
   * Bodies that the ledger has for several messages, for example after a redrive, or for identical logins; null where the user may not read
   * the ledger, counting takes longer than ten seconds, or without `draw`.
   */
  readonly repeatedBodies: number | null;
  /** Messages that are not replayed. */
  readonly quarantined: number;
  /** Messages by reason, the {@link MOST_COUNTED} most frequent ones; a message with two reasons counts for both. */
  readonly quarantineReasons: Readonly<Record<string, number>>;
}

/** Tokens per column. */
const MOST_REPEATED = 5;

/**
 * Reads the tables.
 *
 * @param draw requests what is only for display, distributions and repeated bodies, which read the rows twice more and the ledger once; has
 *   the format of the stored app versions
 * @throws {Failure} when the database is unreachable, or there is no such table
 */
export async function verifyTables(
  settings: DatabaseSettings,
  draw?: { readonly appVersion: AppVersionStyle },
): Promise<Verification> {
  const table = fullName(settings.table);
  return withDatabase(settings, "reading the tables", async (sql) => {
    const present = await tablesPresent(sql, settings.table);
    if (!present.userLogins) {
      throw new Failure("configuration", `There is no table ${table} yet: "fetch-etl init" creates it.`);
    }
    // One snapshot, so that the figures agree with each other while a drain goes on.
    return inTransaction(sql, SNAPSHOT, async (tx) => {
      const { total, reasons } = present.quarantine ? await summarise(tx) : { total: 0, reasons: [] };
      return {
        ...(await counts(tx, table)),
        keyIds: await keyIds(tx, table),
        mostRepeated: {
          devices: await repeated(tx, table, "masked_device_id"),
          ips: await repeated(tx, table, "masked_ip"),
        },
        ...(draw === undefined ? {} : { distributions: await distributions(tx, table, draw.appVersion) }),
        quarantined: total,
        quarantineReasons: Object.fromEntries(reasons.map(({ reason, count }) => [reason, count])),
        repeatedBodies: draw === undefined ? null : await countRepeatedBodies(tx),
      };
    });
  });
}

async function counts(
  sql: Reader,
  table: string,
): Promise<Pick<Verification, "rows" | "distinct" | "nulls" | "createDate" | "unmasked">> {
  const nulls = LOGIN_COLUMNS.map(
    (column) => `pg_catalog.count(*) filter (where ${column} is null) as "${column}"`,
  );
  const [row] = await sql.unsafe<Record<string, string | null>[]>(`
    select pg_catalog.count(*) as rows, pg_catalog.count(distinct user_id) as users,
           pg_catalog.count(distinct masked_ip) as ips, pg_catalog.count(distinct masked_device_id) as devices,
           pg_catalog.to_char(pg_catalog.min(create_date), 'YYYY-MM-DD') as min,
           pg_catalog.to_char(pg_catalog.max(create_date), 'YYYY-MM-DD') as max,
           pg_catalog.count(*) filter (where not ${isToken("masked_ip")})
             operator(pg_catalog.+) pg_catalog.count(*) filter (where not ${isToken("masked_device_id")}) as unmasked,
           ${nulls.join(", ")}
    from ${table}`);
  const count = (name: string): number => Number(row?.[name] ?? 0);
  return {
    rows: count("rows"),
    distinct: { users: count("users"), ips: count("ips"), devices: count("devices") },
    nulls: {
      user_id: count("user_id"),
      device_type: count("device_type"),
      masked_ip: count("masked_ip"),
      masked_device_id: count("masked_device_id"),
      locale: count("locale"),
      app_version: count("app_version"),
      create_date: count("create_date"),
    },
    createDate: { min: row?.["min"] ?? null, max: row?.["max"] ?? null },
    unmasked: count("unmasked"),
  };
}

/** Reads the rows once, and only their tokens. */
async function keyIds(sql: Reader, table: string): Promise<Verification["keyIds"]> {
  const keyId = (column: "masked_ip" | "masked_device_id"): string =>
    `case when ${isToken(column)} then ${tokenKeyId(column)} end`;
  const rows = await sql.unsafe<{ keyId: string; ips: string; devices: string }[]>(`
    with pairs as (
      select ${keyId("masked_ip")} as ip, ${keyId("masked_device_id")} as device, pg_catalog.count(*) as rows
      from ${table} group by 1, 2
    )
    select k.id as "keyId", coalesce(pg_catalog.sum(rows) filter (where k.id operator(pg_catalog.=) ip), 0) as ips,
           coalesce(pg_catalog.sum(rows) filter (where k.id operator(pg_catalog.=) device), 0) as devices
    from pairs, (select ip as id from pairs union select device from pairs) as k
    where k.id operator(pg_catalog.=) any (array[ip, device])
    group by k.id order by k.id`);
  return Object.fromEntries(
    rows.map(({ keyId: id, ips, devices }) => [id, { ips: Number(ips), devices: Number(devices) }]),
  );
}

/** Only tokens: any other value would be a leak, and must not be shown. */
async function repeated(
  sql: Reader,
  table: string,
  column: "masked_device_id" | "masked_ip",
): Promise<Repeated[]> {
  const rows = await sql.unsafe<{ token: string; rows: string }[]>(`
    select ${column} as token, pg_catalog.count(*) as rows from ${table}
    where ${isToken(column)}
    group by ${column} having pg_catalog.count(*) operator(pg_catalog.>) 1
    order by pg_catalog.count(*) desc, ${column} limit ${MOST_REPEATED}`);
  return rows.map(({ token, rows: count }) => ({ token, rows: Number(count) }));
}
