// Counts and checks what is in the tables; writes nothing.
import type { DatabaseSettings } from "../config/database.ts";
import { Failure } from "../failure.ts";
import type { AppVersionStyle } from "../login/app-version.ts";
import { LOGIN_COLUMNS } from "../login/row.ts";
import { countRepeatedBodies } from "./body-mac.ts";
import { connect, type Reader } from "./connection.ts";
import { distributions, type Distributions } from "./distributions.ts";
import { asFailure } from "./errors.ts";
import { explainForbidden } from "./forbidden.ts";
import { COUNTED_REASON, MOST_COUNTED } from "./quarantined-message.ts";
import { isToken, fullName } from "./quote.ts";
import { heldCondition } from "./replayed-at.ts";
import { tablesPresent } from "./schema.ts";
import { inTransaction, SNAPSHOT } from "./transaction.ts";

type Column = (typeof LOGIN_COLUMNS)[number];

/** A token and in how many rows it stands. */
export interface Repeated {
  readonly token: string;
  readonly rows: number;
}

export interface Verification {
  readonly rows: number;
  readonly distinct: { readonly users: number; readonly ips: number; readonly devices: number };
  readonly nulls: Readonly<Record<Column, number>>;
  /** ISO dates; null where there is no row. */
  readonly createDate: { readonly min: string | null; readonly max: string | null };
  /** How many `masked_*` values are neither NULL nor a token: leaks. */
  readonly unmasked: number;
  /** By the id of the masking key: in how many rows a token of it stands, for each of the two columns. */
  readonly keyIds: Readonly<Record<string, { readonly ips: number; readonly devices: number }>>;
  /** The tokens in most rows, two rows at least, most first. */
  readonly mostRepeated: { readonly devices: readonly Repeated[]; readonly ips: readonly Repeated[] };
  /** Where they were asked for. */
  readonly distributions?: Distributions;
  /**
   * Bodies that the ledger knows of several messages, as after a redrive, or of logins that are equal; null where the ledger cannot
   * tell, or not in ten seconds, and where nothing is to be shown.
   */
  readonly repeatedBodies: number | null;
  /** Messages that are held; those that were replayed are none. */
  readonly quarantined: number;
  /** Messages by reason, the {@link MOST_COUNTED} most frequent ones; a message with two reasons counts for both. */
  readonly quarantineReasons: Readonly<Record<string, number>>;
}

/** How many of the most repeated tokens are told. */
const MOST_REPEATED = 5;

/**
 * Looks at the tables.
 *
 * @param draw asks for what is only there to be shown, distributions and repeated bodies, which take two more looks at the rows and
 *   one at the ledger; tells how app versions were stored
 * @throws {Failure} when the database cannot be reached, or there is no such table
 */
export async function verifyTables(
  settings: DatabaseSettings,
  draw?: { readonly appVersion: AppVersionStyle },
): Promise<Verification> {
  const { sql, close } = connect(settings);
  const table = fullName(settings.table);
  try {
    const present = await tablesPresent(sql, settings.table);
    if (!present.userLogins) {
      throw new Failure("configuration", `There is no table ${table} yet: "fetch-etl init" makes it.`);
    }
    // One snapshot, so that the figures agree with each other while a drain goes on.
    return await inTransaction(sql, SNAPSHOT, async (tx) => ({
      ...(await counts(tx, table)),
      keyIds: await keyIds(tx, table),
      mostRepeated: {
        devices: await repeated(tx, table, "masked_device_id"),
        ips: await repeated(tx, table, "masked_ip"),
      },
      ...(draw === undefined ? {} : { distributions: await distributions(tx, table, draw.appVersion) }),
      ...(present.quarantine ? await quarantine(tx) : { quarantined: 0, quarantineReasons: {} }),
      repeatedBodies: draw === undefined ? null : await countRepeatedBodies(tx),
    }));
  } catch (error) {
    throw asFailure(await explainForbidden(error, sql, settings), settings, "reading the tables");
  } finally {
    await close();
  }
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

/** In one look at the rows, and at no more than their tokens. */
async function keyIds(sql: Reader, table: string): Promise<Verification["keyIds"]> {
  const keyId = (column: "masked_ip" | "masked_device_id"): string =>
    `case when ${isToken(column)} then pg_catalog.substr(${column}, 4, 8) end`;
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

/** Tokens alone: a value that is none would be a leak, and must not be shown. */
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

async function quarantine(sql: Reader): Promise<Pick<Verification, "quarantined" | "quarantineReasons">> {
  const held = await heldCondition(sql);
  const [total] = await sql.unsafe<{ count: string }[]>(
    `select pg_catalog.count(*) from fetch_etl.quarantine where ${held}`,
  );
  const reasons = await sql.unsafe<{ reason: string; count: string }[]>(`
    select ${COUNTED_REASON} as reason, pg_catalog.count(*)
    from fetch_etl.quarantine, pg_catalog.unnest(reasons) as reason where ${held}
    group by 1 order by pg_catalog.count(*) desc, 1 limit ${MOST_COUNTED}`);
  return {
    quarantined: Number(total?.count ?? 0),
    quarantineReasons: Object.fromEntries(reasons.map(({ reason, count }) => [reason, Number(count)])),
  };
}
