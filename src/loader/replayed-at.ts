// The quarantine's column `replayed_at`: tables made by an earlier version are without it, and only a replay has need of it.
import { Failure } from "../failure.ts";
import type { Reader, Sql } from "./database.ts";
import { ADD_REPLAYED_AT, CREATION_PATIENCE } from "./tables.ts";

async function hasReplayedAt(sql: Reader): Promise<boolean> {
  const columns = await sql.unsafe(`
    select 1 from pg_catalog.pg_attribute
    where attrelid = 'fetch_etl.quarantine'::regclass and attname = 'replayed_at' and not attisdropped`);
  return columns.length > 0;
}

/** What holds, in SQL, for a message of the quarantine that was not replayed. */
export async function heldCondition(sql: Reader): Promise<string> {
  return (await hasReplayedAt(sql)) ? "replayed_at is null" : "true";
}

/** What gives, in SQL, when a message of the quarantine was replayed. */
export async function replayedAtColumn(sql: Reader): Promise<string> {
  return (await hasReplayedAt(sql)) ? "replayed_at" : "null::timestamptz";
}

/**
 * Adds the column where it is missing.
 *
 * @returns whether it was
 * @throws {Failure} `configuration` when that is the table's owner's to do
 */
export async function ensureReplayedAt(sql: Sql): Promise<boolean> {
  if (await hasReplayedAt(sql)) return false;
  const [table] = await sql<{ owned: boolean }[]>`
    select pg_has_role(relowner, 'usage') as owned
    from pg_catalog.pg_class where oid = 'fetch_etl.quarantine'::regclass`;
  if (table?.owned !== true) {
    throw new Failure(
      "configuration",
      `The table fetch_etl.quarantine was made by an earlier version, and a replay needs one column more. As its owner, run: ${ADD_REPLAYED_AT};`,
    );
  }
  await sql.begin(async (tx) => {
    await tx.unsafe(CREATION_PATIENCE);
    await tx.unsafe(ADD_REPLAYED_AT);
  });
  return true;
}
