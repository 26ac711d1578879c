// Detects rows that Postgres did not store, for example because a BEFORE trigger returned NULL. The whole statement then fails.
import type { TableName } from "../config/table.ts";
import { Failure } from "../failure.ts";
import { partsOf, RELATIONS } from "./catalogue.ts";
import type { Fragment, Reader, Sql, Transaction } from "./connection.ts";
import { field } from "./errors.ts";
import { fullName } from "./quote.ts";

/**
 * A part of a statement that makes it fail if `condition` holds at its end: it inserts a ledger entry without a `run_id`, which no other
 * statement does.
 */
export function failIf(sql: Sql | Transaction, condition: Fragment): Fragment {
  return sql`, dropped as (
      insert into fetch_etl.ledger (queue, sent_at, message_id, run_id)
      select '', pg_catalog.now(), '', null::pg_catalog.uuid where ${condition}
    )`;
}

/** Whether {@link failIf} made a statement fail. */
export function isDropped(error: unknown): boolean {
  return (
    field(error, "code") === "23502" &&
    field(error, "schema_name") === "fetch_etl" &&
    field(error, "table_name") === "ledger" &&
    field(error, "column_name") === "run_id"
  );
}

/** Bits of `tgtype` (Postgres, pg_trigger.h). */
const INSERT = 4;
const BEFORE_OR_INSTEAD = 2 + 64;
/** A condition: the trigger `t` may drop a row. */
const MAY_DROP = `not t.tgisinternal and t.tgenabled operator(pg_catalog.<>) 'D'
      and (t.tgtype::integer operator(pg_catalog.&) ${BEFORE_OR_INSTEAD}) operator(pg_catalog.<>) 0
      and (t.tgtype::integer operator(pg_catalog.&) ${INSERT}) operator(pg_catalog.<>) 0`;

/** The triggers on these tables and on their partitions that may drop a row that is inserted, such as `odd on public.user_logins`. */
async function droppingTriggers(sql: Reader, tables: readonly TableName[]): Promise<string[]> {
  const triggers = await sql.unsafe<(TableName & { readonly trigger: string })[]>(`
    with recursive ${partsOf(tables)}
    select n.nspname as schema, c.relname as name, t.tgname as trigger
    from parts
    join pg_catalog.pg_trigger t on t.tgrelid operator(pg_catalog.=) parts.oid
    join ${RELATIONS} on c.oid operator(pg_catalog.=) parts.oid
    where ${MAY_DROP}
    order by 1, 2, 3`);
  return triggers.map((each) => `${each.trigger} on ${fullName(each)}`);
}

const own = (name: string): TableName => ({ schema: "fetch_etl", name });

/**
 * Triggers on tables where a row that already exists is left out: a statement cannot distinguish it from a row that a trigger dropped, and
 * a message would count as a duplicate, or its values as kept.
 *
 * @returns undefined where no trigger of the ledger or the vault may drop a row
 */
export async function unseenDrops(sql: Reader): Promise<Failure | undefined> {
  const triggers = await droppingTriggers(sql, ["ledger", "vault", "vault_keys"].map(own));
  if (triggers.length === 0) return undefined;
  return new Failure(
    "configuration",
    `A BEFORE INSERT trigger on one of fetch-etl's own tables could drop rows without an error: ${triggers.join(", ")}. ` +
      "Nothing was changed. Drop the trigger, or make it an AFTER trigger, and run again.",
  );
}

/** The failure for rows that were not stored, with the triggers that may have dropped them. */
export async function droppedRows(sql: Reader, target: TableName): Promise<Failure> {
  const triggers = await droppingTriggers(sql, [target, own("quarantine")]);
  return new Failure(
    "configuration",
    `Postgres did not store every row that fetch-etl inserted into ${fullName(target)} and fetch_etl.quarantine. ` +
      (triggers.length === 0
        ? "No trigger of these tables explains this. Check their rules, and whether they are views. "
        : `A trigger that returns NULL can cause this: ${triggers.join(", ")}. `) +
      "None of these rows were stored, and their messages were not deleted. Change the trigger so that it returns the row, then run again.",
  );
}
