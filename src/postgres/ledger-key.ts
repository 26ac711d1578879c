// Gives the ledger of an earlier version the key of today: a unique index that knows a message whichever queue it came from.
import { Failure } from "../failure.ts";
import type { Reader, Sql } from "./connection.ts";
import { errorCode } from "./error-code.ts";
import { LEDGER_UPGRADE } from "./tables.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

const UNIQUE_VIOLATION = "23505";
const LOCK_NOT_AVAILABLE = "55P03";
/** Each needs the table to itself for a moment; others queue up behind it, so that it waits no longer than they should. */
const BRIEFLY = "set local lock_timeout = '2s'";
/** Until another session's build has ended. */
const WHILE_BUILT = "set local lock_timeout = '10min'";
/** A build that others' entries or an interruption spoiled is begun again; more often, something is wrong. */
const MOST_BUILDS = 5;

interface Key {
  /** A build that is under way leaves it `unfinished`, as does one that failed. */
  readonly index: "valid" | "unfinished" | "missing";
  /** The primary key of an earlier version. */
  readonly earlier: boolean;
  readonly owned: boolean;
}

/** @returns undefined where there is no ledger */
async function lookAtKey(sql: Reader): Promise<Key | undefined> {
  const [found] = await sql.unsafe<{ valid: boolean | null; earlier: boolean; owned: boolean }[]>(`
    select pg_catalog.pg_has_role(c.relowner, 'usage') as owned,
      (select i.indisvalid from pg_catalog.pg_index i
        join pg_catalog.pg_class x on x.oid operator(pg_catalog.=) i.indexrelid
        where i.indrelid operator(pg_catalog.=) c.oid and x.relname operator(pg_catalog.=) 'ledger_message') as valid,
      exists (select 1 from pg_catalog.pg_constraint k
        where k.conrelid operator(pg_catalog.=) c.oid and k.conname operator(pg_catalog.=) 'ledger_pkey') as earlier
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
    where n.nspname operator(pg_catalog.=) 'fetch_etl' and c.relname operator(pg_catalog.=) 'ledger'`);
  if (found === undefined) return undefined;
  const { valid, earlier, owned } = found;
  return { index: valid === null ? "missing" : valid ? "valid" : "unfinished", earlier, owned };
}

/** Why a drain by this user would refuse the ledger, and what its owner has to do; undefined where it would not. */
export async function ledgerKeyProblem(sql: Reader): Promise<string | undefined> {
  const key = await lookAtKey(sql);
  if (key === undefined || key.index === "valid" || key.owned) return undefined;
  const { removeRepeated, dropUnfinished, build, dropEarlier } = LEDGER_UPGRADE;
  const statements = [dropUnfinished, removeRepeated, build, dropEarlier];
  return (
    "The table fetch_etl.ledger was made by an earlier version, whose key lets a message in twice when it is moved to a dead-letter queue. " +
    `As the table's owner, run "fetch-etl init", or: ${statements.join("; ").replaceAll(/\s+/g, " ")};`
  );
}

/**
 * Builds the key where the ledger is without it, safely beside others that do the same. Others can load meanwhile. Nothing of it is left in
 * the session, so that it works behind a pooler in transaction mode.
 *
 * @returns whether it was built or completed
 * @throws {Failure} `configuration` when that is the table's owner's to do
 */
export async function ensureLedgerKey(sql: Sql): Promise<boolean> {
  for (let builds = 0; ;) {
    const key = await lookAtKey(sql);
    if (key === undefined) return false;
    if (key.index === "valid") {
      if (key.earlier && key.owned) await dropEarlier(sql);
      return builds > 0;
    }
    const problem = await ledgerKeyProblem(sql);
    if (problem !== undefined) throw new Failure("configuration", problem);
    if (key.index === "unfinished") await dropUnfinished(sql);
    else if (builds < MOST_BUILDS) {
      builds += 1;
      await build(sql);
    } else {
      throw new Failure(
        "unavailable",
        `The key of fetch_etl.ledger could not be built in ${MOST_BUILDS} attempts: other sessions add entries that an earlier version of ` +
          'fetch-etl lets in twice. Stop the drains of that version, and run "fetch-etl init".',
      );
    }
  }
}

async function build(sql: Sql): Promise<void> {
  try {
    await sql.unsafe(LEDGER_UPGRADE.build);
  } catch (error) {
    if (errorCode(error) !== UNIQUE_VIOLATION) throw error;
    await sql.unsafe(LEDGER_UPGRADE.removeRepeated);
  }
}

/** A build in another session holds the lock that is waited for here: what is unfinished when it is granted is nobody's. */
async function dropUnfinished(sql: Sql): Promise<void> {
  await inTransaction(sql, READ_COMMITTED, async (tx) => {
    await tx.unsafe(WHILE_BUILT);
    await tx.unsafe("lock table fetch_etl.ledger in share update exclusive mode");
    if ((await lookAtKey(tx))?.index !== "unfinished") return;
    await tx.unsafe(BRIEFLY);
    await tx.unsafe(LEDGER_UPGRADE.dropUnfinished);
  });
}

/** Both keys at once do no harm: where others are in the way, the next run drops it. */
async function dropEarlier(sql: Sql): Promise<void> {
  try {
    await inTransaction(sql, READ_COMMITTED, async (tx) => {
      await tx.unsafe(BRIEFLY);
      await tx.unsafe(LEDGER_UPGRADE.dropEarlier);
    });
  } catch (error) {
    if (errorCode(error) !== LOCK_NOT_AVAILABLE) throw error;
  }
}
