// The quarantine's column `replayed_at`: tables made by an earlier version are without it, and only a replay has need of it.
import { Failure } from "../failure.ts";
import type { Reader, Sql } from "./connection.ts";
import { addColumn, hasColumn } from "./later-columns.ts";
import { CREATION_PATIENCE, REPLAYED_AT } from "./tables.ts";

/** What holds, in SQL, for a message of the quarantine that was not replayed. */
export async function heldCondition(sql: Reader): Promise<string> {
  return (await hasColumn(sql, REPLAYED_AT)) ? "replayed_at is null" : "true";
}

/** What gives, in SQL, when a message of the quarantine was replayed. */
export async function replayedAtColumn(sql: Reader): Promise<string> {
  return (await hasColumn(sql, REPLAYED_AT)) ? "replayed_at" : "null::pg_catalog.timestamptz";
}

/**
 * Adds the column where it is missing.
 *
 * @throws {Failure} `configuration` when that is the table's owner's to do
 */
export async function ensureReplayedAt(sql: Sql): Promise<void> {
  if ((await addColumn(sql, REPLAYED_AT, CREATION_PATIENCE)) !== "not ours") return;
  throw new Failure(
    "configuration",
    `The table fetch_etl.quarantine was made by an earlier version, and a replay needs one column more. As its owner, run: ${REPLAYED_AT.add};`,
  );
}
