// The ledger of the records that were loaded and the messages that were quarantined: prunes it, and counts repeated bodies.
import { WHOLE_MESSAGE } from "../drain/ports.ts";
import { Failure } from "../failure.ts";
import { findTables, RELATIONS } from "./catalogue.ts";
import type { Sql, Transaction } from "./connection.ts";
import { identifier } from "./quote.ts";
import { errorCode } from "./tls.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

/** The unique indexes that migrations create. */
const OWN_INDEXES = ["ledger_idempotency", "ledger_record"];

/**
 * For rows with idempotency keys, which are added whatever index of the ledger they conflict with: any other unique index would make new
 * records duplicates, and without its own, duplicates would be loaded.
 *
 * @throws {Failure} `configuration` when the ledger has other unique indexes than its own, or exclusion constraints
 */
export async function requireOwnIndexes(sql: Sql): Promise<void> {
  const found = await sql.unsafe<{ name: string }[]>(`
    select x.relname as name
    from ${RELATIONS} join pg_catalog.pg_index i on i.indrelid operator(pg_catalog.=) c.oid
    join pg_catalog.pg_class x on x.oid operator(pg_catalog.=) i.indexrelid
    where n.nspname operator(pg_catalog.=) 'fetch_etl' and c.relname operator(pg_catalog.=) 'ledger'
      and i.indislive and (i.indisunique or i.indisexclusion)`);
  // Postgres renames an index while it is rebuilt (REINDEX CONCURRENTLY).
  const names = found.map(({ name }) => name.replace(/_cc(?:new|old)\d*$/, ""));
  const others = names.filter((name) => !OWN_INDEXES.includes(name));
  const missing = OWN_INDEXES.filter((name) => !names.includes(name));
  if (others.length > 0) {
    throw new Failure(
      "configuration",
      `The table fetch_etl.ledger has unique indexes or exclusion constraints that are not fetch-etl's: ${others.map(identifier).join(", ")}. ` +
        `With "dedupe", new records that conflict with them would count as duplicates. Drop them, then run again.`,
    );
  }
  if (missing.length > 0) {
    throw new Failure(
      "configuration",
      `The table fetch_etl.ledger lacks its unique index ${missing.join(", ")}, so that "dedupe" would load duplicates. ` +
        'Create it with the SQL of "fetch-etl init --print", then run again.',
    );
  }
}

/** Entries per statement, which has a commit of its own. */
const AT_ONCE = 20_000;
/** Time limit per run, in milliseconds; the next run continues. */
const WITHIN_MS = 10_000;

/**
 * Conditions: the message of the ledger entry `old` is in the quarantine; or was, for a user who may not read the quarantine. A replay
 * must find what was loaded of such a message: a record that a redelivery or an interrupted replay loaded would be loaded again.
 */
const IS_HELD = `exists (select from fetch_etl.quarantine q where q.replayed_at is null
            and q.sent_at operator(pg_catalog.=) old.sent_at and q.message_id operator(pg_catalog.=) old.message_id)`;
const WAS_HELD = `exists (select from fetch_etl.ledger q where q.record operator(pg_catalog.=) ${WHOLE_MESSAGE}
            and q.sent_at operator(pg_catalog.=) old.sent_at and q.message_id operator(pg_catalog.=) old.message_id)`;

/**
 * Deletes the entries that were sent and loaded more than `days` ago. SQS keeps a message for at most 14 days, so that older ones cannot be
 * delivered again. Keeps those of messages that a replay may load. Also deletes the runs that started more than `days` ago. Does nothing if
 * the user may not delete.
 *
 * @param stop aborted when it is to end early
 */
export async function pruneLedger(sql: Sql, days: number, stop: AbortSignal): Promise<void> {
  const [may] = await sql<{ entries: boolean; quarantine: boolean; runs: boolean }[]>`
    select pg_catalog.has_table_privilege('fetch_etl.ledger', 'delete') as entries,
           (select pg_catalog.bool_and(pg_catalog.has_column_privilege('fetch_etl.quarantine', name, 'select'))
            from pg_catalog.unnest('{sent_at,message_id,replayed_at}'::pg_catalog.text[]) as name) as quarantine,
           coalesce(pg_catalog.has_table_privilege(runs, 'select') and pg_catalog.has_table_privilege(runs, 'delete'), false) as runs
    from pg_catalog.to_regclass('fetch_etl.runs') as runs`;
  if (may?.entries !== true) return;
  const until = performance.now() + WITHIN_MS;
  let withRuns = may.runs;
  const pruneSome = (): Promise<number> =>
    inTransaction(sql, READ_COMMITTED, async (tx) => {
      // Pruning is not worth waiting for other sessions.
      await tx.unsafe("set local lock_timeout = '2s'; set local statement_timeout = '30s'");
      const before = tx`(pg_catalog.now() operator(pg_catalog.-) pg_catalog.make_interval(hours => ${24 * days}))`;
      // In the same statement, to save a round trip.
      const { count } = await tx`
        ${withRuns ? tx`with runs as (delete from fetch_etl.runs where started_at operator(pg_catalog.<) ${before})` : tx``}
        delete from fetch_etl.ledger
        using (
          select sent_at, queue, message_id, record from fetch_etl.ledger old
          where sent_at operator(pg_catalog.<) ${before} and loaded_at operator(pg_catalog.<) ${before}
            and not ${tx.unsafe(may.quarantine ? IS_HELD : WAS_HELD)}
          limit ${AT_ONCE}
        ) as old
        where ledger.sent_at operator(pg_catalog.=) old.sent_at and ledger.queue operator(pg_catalog.=) old.queue
          and ledger.message_id operator(pg_catalog.=) old.message_id and ledger.record operator(pg_catalog.=) old.record`;
      return count;
    });
  let pruned = AT_ONCE;
  while (pruned === AT_ONCE && !stop.aborted && performance.now() < until) {
    pruned = await pruneSome().catch((error: unknown) => {
      if (!withRuns) throw error;
      // The history may be what prevents it, for example by a lock or a policy.
      withRuns = false;
      return pruneSome();
    });
  }
}

/** It reads all of the ledger, which may be very large. */
const COUNTING_TIMEOUT = "set local statement_timeout = '10s'";
const QUERY_CANCELED = "57014";

/**
 * How many bodies the ledger has for more than one message. Two identical messages that were sent on purpose count too.
 *
 * @returns null where the ledger does not exist, the user may not read it, or reading it takes longer than ten seconds
 */
export async function countRepeatedBodies(sql: Transaction): Promise<number | null> {
  const [ledger] = await findTables(sql, [{ schema: "fetch_etl", name: "ledger" }]);
  if (ledger?.isReadable !== true) return null;
  try {
    // A failure within a savepoint undoes only what is within it, the timeout included.
    return await sql.savepoint(async (within) => {
      await within.unsafe(COUNTING_TIMEOUT);
      const [repeated] = await within.unsafe<{ bodies: string }[]>(`
        select pg_catalog.count(*) as bodies from (
          select 1 from fetch_etl.ledger where body_mac is not null
          group by body_mac
          having pg_catalog.min(message_id collate pg_catalog."C") operator(pg_catalog.<>) pg_catalog.max(message_id collate pg_catalog."C")
        ) as several`);
      return Number(repeated?.bodies ?? 0);
    });
  } catch (error) {
    if (errorCode(error) === QUERY_CANCELED) return null;
    throw error;
  }
}
