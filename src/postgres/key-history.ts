// Which masking keys were used for a table, as the run history and the record of requests tell. Writes nothing.
import type { DatabaseSettings } from "../config/database.ts";
import type { TableName } from "../config/table.ts";
import { ok, skipped, warning, type Check } from "../doctor/check.ts";
import { dayOf, otherKeyAdvice, restoreAdvice } from "../recovery/key-advice.ts";
import { keyInUse, mergeUses, type KeyHistory, type KeyUse } from "../recovery/key-use.ts";
import type { Reader, Sql, Transaction } from "./connection.ts";
import { withDatabase } from "./database.ts";
import { exactly } from "./quarantined-message.ts";
import { literal } from "./quote.ts";
import { hasRights, type Right } from "./rights.ts";
import { inTransaction, SNAPSHOT } from "./transaction.ts";

/** The newest runs of all queues that are read, by the index on `started_at`: the target table has no such index. */
const MOST_RUNS = 10_000;

const TO_READ_RUNS: Right = {
  table: "runs",
  right: "select",
  columns: ["key_id", "target", "loaded", "started_at"],
};
const TO_READ_RECORD: Right = { table: "reveal_log", right: "select", columns: ["at", "action", "reason"] };

/**
 * Uses by drains that loaded rows; a run without an end may have. In any order. Reads at most {@link MOST_RUNS} runs.
 *
 * @throws the driver's error where the user may not read the run history, or there is none
 */
export async function usesByRuns(sql: Reader, { schema, name }: TableName): Promise<readonly KeyUse[]> {
  return sql.unsafe<KeyUse[]>(`
    select pg_catalog."left"(key_id, 64) as "keyId", ${exactly("pg_catalog.min(started_at)")} as first,
           ${exactly("pg_catalog.max(started_at)")} as last
    from (
      select key_id, target, loaded, started_at from fetch_etl.runs order by started_at desc limit ${MOST_RUNS}
    ) as recent
    where target operator(pg_catalog.=) ${literal(`${schema}.${name}`)} and coalesce(loaded operator(pg_catalog.>) 0, true)
    group by 1`);
}

const ROTATE_TO = "rotate to key ";
/** Characters of a key id. */
const KEY_ID_LENGTH = 8;

/** The reason in a rotation's record. */
export function rotationReason(keyId: string, table: TableName): string {
  return `${ROTATE_TO}${keyId}${inTable(table)}`;
}

function inTable({ schema, name }: TableName): string {
  return ` in ${schema}.${name}`;
}

/** A record without a table counts for every table. */
async function usesByRotations(sql: Reader, table: TableName): Promise<readonly KeyUse[]> {
  const key = `pg_catalog.substr(reason, ${ROTATE_TO.length + 1}, ${KEY_ID_LENGTH})`;
  const rest = `pg_catalog.substr(reason, ${ROTATE_TO.length + KEY_ID_LENGTH + 1})`;
  return sql.unsafe<KeyUse[]>(`
    select ${key} as "keyId", ${exactly("pg_catalog.min(at)")} as first, ${exactly("pg_catalog.max(at)")} as last,
           ${exactly("pg_catalog.max(at)")} as rotated
    from fetch_etl.reveal_log
    where action operator(pg_catalog.=) 'rotate'
      and reason operator(pg_catalog.~) '^${ROTATE_TO}[A-Za-z0-9_-]{${KEY_ID_LENGTH}}( |$)'
      and (${rest} operator(pg_catalog.=) '' or ${rest} operator(pg_catalog.=) ${literal(inTable(table))})
    group by 1`);
}

/** Uses by drains and rotations, as far as the user may read their records. */
export async function keyHistory(sql: Sql | Transaction, table: TableName): Promise<KeyHistory> {
  const [knowsRuns = false, knowsRotations = false] = await hasRights(sql, [TO_READ_RUNS, TO_READ_RECORD]);
  const uses = mergeUses([
    ...(knowsRuns ? await usesByRuns(sql, table) : []),
    ...(knowsRotations ? await usesByRotations(sql, table) : []),
  ]);
  return { uses, knowsRotations };
}

async function withinLimits<T>(sql: Sql, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return inTransaction(sql, SNAPSHOT, async (tx) => {
    await tx.unsafe("set local lock_timeout = '1s'; set local statement_timeout = '2s'");
    return work(tx);
  });
}

/** The same with a time limit, for a drain, which does not wait for the history. */
export async function keyHistoryWithin(sql: Sql, table: TableName): Promise<KeyHistory> {
  return withinLimits(sql, (tx) => keyHistory(tx, table));
}

/** Whether drains have loaded rows, and which masking key is in use, as far as the user may know. */
export interface EarlierRows {
  readonly loaded: boolean;
  readonly key: KeyUse | undefined;
}

/** @throws {Failure} when the database is unreachable */
export async function findEarlierRows(settings: DatabaseSettings): Promise<EarlierRows> {
  return withDatabase(settings, "looking for earlier rows", async (sql) =>
    earlierRows(sql, await keyHistory(sql, settings.table)),
  );
}

/** Reads the ledger's first entry. */
async function earlierRows(sql: Sql | Transaction, { uses }: KeyHistory): Promise<EarlierRows> {
  const key = keyInUse(uses);
  const [mayRead] = await hasRights(sql, [{ table: "ledger", right: "select" }]);
  const [entry] = mayRead === true ? await sql`select from fetch_etl.ledger limit 1` : [];
  return { loaded: key !== undefined || entry !== undefined, key };
}

/**
 * A check of `doctor`: compares the configured keys with the key of the most recent rows, as far as the user may know it.
 *
 * @param keyIds the one that masks first; empty if there is no usable key
 */
export async function checkKeyOfRows(
  sql: Sql,
  { table }: DatabaseSettings,
  keyIds: readonly string[],
): Promise<Check> {
  const name = "key of rows";
  try {
    const { history, rows } = await withinLimits(sql, async (tx) => {
      const found = await keyHistory(tx, table);
      return { history: found, rows: await earlierRows(tx, found) };
    });
    const { loaded, key } = rows;
    if (!loaded) return ok(name, "no rows yet, as far as this user may read");
    const finding = key === undefined ? "unknown" : `${key.keyId}, last used on ${dayOf(key.last)}`;
    const advice = keyIds.length === 0 ? restoreAdvice(key) : otherKeyAdvice(history, keyIds);
    return advice === undefined ? ok(name, finding) : warning(name, finding, advice);
  } catch {
    return skipped(name, "not checked: the run history could not be read");
  }
}
