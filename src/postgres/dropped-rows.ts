// Tells when Postgres took rows and did not store them, as where a BEFORE trigger returns NULL: a statement then fails as a whole.
import type { TableName } from "../config/table.ts";
import { Failure } from "../failure.ts";
import type { Fragment, Reader, Sql } from "./connection.ts";
import { field } from "./errors.ts";
import { fullName, literal } from "./quote.ts";

/**
 * A part of a statement that fails where `condition` holds when all else is done: by an entry of the ledger without a run, which nothing
 * else writes.
 */
export function failIf(sql: Sql, condition: Fragment): Fragment {
  return sql`, dropped as (
      insert into fetch_etl.ledger (queue, sent_at, message_id, run_id)
      select '', pg_catalog.now(), '', null::pg_catalog.uuid where ${condition}
    )`;
}

/** Whether it was {@link failIf} that made a statement fail. */
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
/** A condition: the trigger `t` may keep a row out. */
const MAY_DROP = `not t.tgisinternal and t.tgenabled operator(pg_catalog.<>) 'D'
      and (t.tgtype::integer operator(pg_catalog.&) ${BEFORE_OR_INSTEAD}) operator(pg_catalog.<>) 0
      and (t.tgtype::integer operator(pg_catalog.&) ${INSERT}) operator(pg_catalog.<>) 0`;

interface DroppingTrigger extends TableName {
  readonly trigger: string;
}

function inWords(each: DroppingTrigger): string {
  return `${each.trigger} on ${fullName(each)}`;
}

/**
 * Where a row is left out that is there already, a statement cannot tell it from one that a trigger dropped: a message would count as a
 * duplicate, or its values as kept.
 *
 * @returns undefined where no trigger of the ledger or the vault may drop a row
 */
export async function unseenDrops(sql: Reader): Promise<Failure | undefined> {
  const triggers = await sql.unsafe<DroppingTrigger[]>(`
    select n.nspname as schema, c.relname as name, t.tgname as trigger
    from pg_catalog.pg_trigger t
    join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) t.tgrelid
    join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
    where n.nspname operator(pg_catalog.=) 'fetch_etl' and c.relname operator(pg_catalog.=) any ('{ledger,vault,vault_keys}')
      and ${MAY_DROP}
    order by 1, 2, 3`);
  if (triggers.length === 0) return undefined;
  return new Failure(
    "configuration",
    `A BEFORE INSERT trigger on one of fetch-etl's own tables could drop rows without an error: ${triggers.map(inWords).join(", ")}. ` +
      "Nothing was changed. Drop the trigger, or make it an AFTER trigger, and run again.",
  );
}

/** What to tell then: names the triggers that may keep a row out, on the tables and on their partitions. */
export async function droppedRows(sql: Reader, logins: TableName): Promise<Failure> {
  const triggers = await sql.unsafe<DroppingTrigger[]>(`
    with recursive written as (
      select c.oid from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
      where (n.nspname operator(pg_catalog.=) ${literal(logins.schema)} and c.relname operator(pg_catalog.=) ${literal(logins.name)})
        or (n.nspname operator(pg_catalog.=) 'fetch_etl' and c.relname operator(pg_catalog.=) 'quarantine')
      union
      select i.inhrelid from pg_catalog.pg_inherits i join written w on w.oid operator(pg_catalog.=) i.inhparent
    )
    select n.nspname as schema, c.relname as name, t.tgname as trigger
    from written w
    join pg_catalog.pg_trigger t on t.tgrelid operator(pg_catalog.=) w.oid
    join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) w.oid
    join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
    where ${MAY_DROP}
    order by 1, 2, 3`);
  const named = triggers.map(inWords);
  return new Failure(
    "configuration",
    `Postgres did not store every row that it was given for ${fullName(logins)} and fetch_etl.quarantine. ` +
      (named.length === 0
        ? "No trigger there explains it: look at their rules and at views they may be. "
        : `A trigger that returns NULL does that: ${named.join(", ")}. `) +
      "None of these rows was stored, and no message deleted. Change the trigger so that it returns the row, and run again.",
  );
}
