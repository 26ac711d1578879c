// A drain's writes: rows, quarantine, ledger and vault in one statement, which is one commit.
import { randomUUID } from "node:crypto";
import type { DatabaseSettings } from "../config/database.ts";
import type { TableName } from "../config/table.ts";
import { DatabaseLost, RowRefused, type Entry, type Loader, type LoadResult } from "../drain/ports.ts";
import type { SealedDataKey } from "../recovery/recipients.ts";
import { unloggedTables } from "./catalogue.ts";
import { connect, type Connection, type Sql } from "./connection.ts";
import { droppedRows, failIf, isDropped } from "./dropped-rows.ts";
import { asFailure, translate, withColumn } from "./errors.ts";
import { explainForbidden, forbidden } from "./forbidden.ts";
import { freshOf, insertLogins } from "./insert-logins.ts";
import { pruneLedger } from "./ledger.ts";
import { requireTables } from "./logins-table.ts";
import { LEDGER_KEY, tablesFor } from "./migrations.ts";
import { toHex } from "./quote.ts";
import { rightsFor } from "./rights.ts";
import { ensureTables } from "./schema.ts";

/** Replaces the sent time that a server does not send, so that a redelivery finds its ledger entry. */
export const SENT_TIME_UNKNOWN = 0;

/** Writes to the WAL, so that the commit waits for the synchronous standby to have this and all earlier commits. */
const WAIT_FOR_STANDBY = "pg_catalog.pg_logical_emit_message(true, 'fetch-etl', '')";

/** Call {@link PostgresLoader.close} when done. */
export interface PostgresLoader extends Loader {
  /** A sentence about tables that could lose rows; undefined where there are none. */
  readonly warning: string | undefined;
  /** Deletes ledger entries older than `days`, where the user has the right; ends early when `stop` is aborted. */
  prune(days: number, stop: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects, creates or migrates the tables, and checks that rows can be written.
 *
 * @param queue the ARN of the queue, or the path of its URL
 * @param vaultKey the data key of the entries' sealed values; undefined where no vault is kept
 * @throws {Failure} when the database is unreachable, or cannot take rows
 */
export async function openLoader(
  settings: DatabaseSettings,
  queue: string,
  vaultKey?: SealedDataKey,
): Promise<PostgresLoader> {
  const runId = randomUUID();
  /** Messages whose commit was sent, with an unknown outcome. */
  const unsettled = new Map<string, Entry>();
  let connection: Connection | undefined;
  let warning: string | undefined;

  const run = async <T>(doing: string, action: (sql: Sql) => Promise<T>): Promise<T> => {
    connection ??= connect(settings);
    const { sql, replicated } = connection;
    try {
      return await replicated(() => action(sql));
    } catch (error) {
      const translated = translate(await explainForbidden(error, sql, settings), settings, doing);
      if (translated instanceof DatabaseLost) await close("broken");
      throw translated;
    }
  };
  const close = async (state?: "broken"): Promise<void> => {
    const closing = connection;
    connection = undefined;
    await closing?.close(state);
  };

  const { table } = settings;
  const keepsVault = vaultKey !== undefined;
  try {
    const tables = tablesFor(table, keepsVault);
    const use = { doing: "a drain", rights: rightsFor(table, keepsVault) };
    await run("creating its tables", (sql) => ensureTables(sql, settings, keepsVault, use));
    await run(CHECKING, async (sql) => {
      const failure = await forbidden(sql, settings, tables);
      if (failure !== undefined) throw failure;
      warning = await unloggedTables(sql, tables);
      await requireTables(sql, settings, keepsVault);
    });
  } catch (error) {
    await close();
    throw asFailure(error, settings, CHECKING);
  }

  const writeAll = async (sql: Sql, entries: readonly Entry[]): Promise<LoadResult> => {
    try {
      return await write(sql, { table, queue, runId, vaultKey }, entries);
    } catch (error) {
      // The outcome is unknown only if the connection was lost.
      if (!(translate(error, settings, "") instanceof DatabaseLost))
        for (const { messageId } of entries) unsettled.delete(messageId);
      throw isDropped(error) ? await droppedRows(sql, table) : error;
    }
  };

  return {
    warning,
    load: async (entries) => {
      const result = await run("writing rows", async (sql) => {
        const settled = await committedBefore(sql, runId, [...unsettled.values()]);
        const left = entries.filter(({ messageId }) => !settled.has(messageId));
        for (const entry of left) unsettled.set(entry.messageId, entry);
        const written = left.length === 0 ? NOTHING : await writeAll(sql, left);
        const before = entries.filter(({ messageId }) => settled.has(messageId));
        const rowsBefore = before.filter(({ kind }) => kind === "row").length;
        return {
          loaded: written.loaded + rowsBefore,
          quarantined: written.quarantined + before.length - rowsBefore,
          duplicates: written.duplicates,
        };
      }).catch(async (error: unknown) => {
        const [only, ...others] = entries;
        if (!(error instanceof RowRefused) || others.length > 0 || only?.kind !== "row") throw error;
        throw await run("writing rows", (sql) => withColumn(error, sql, only.row));
      });
      for (const { messageId } of entries) unsettled.delete(messageId);
      return result;
    },
    prune: (days, stop) => run("pruning the ledger", (sql) => pruneLedger(sql, days, stop)),
    close: () => close(),
  };
}

const CHECKING = "checking its tables";
const NOTHING: LoadResult = { loaded: 0, quarantined: 0, duplicates: 0 };

/** Ids of the messages that earlier calls committed, although their result was lost. Waits until a synchronous standby has them too. */
async function committedBefore(sql: Sql, runId: string, entries: readonly Entry[]): Promise<Set<string>> {
  if (entries.length === 0) return new Set();
  const rows = await sql<{ message_id: string }[]>`
    select t.message_id, ${sql.unsafe(WAIT_FOR_STANDBY)}
    from rows from (
      pg_catalog.unnest(${entries.map(sentTime)}::pg_catalog.text[]::pg_catalog.timestamptz[]),
      pg_catalog.unnest(${entries.map(({ messageId }) => messageId)}::pg_catalog.text[])
    ) as t (sent_at, message_id)
    join fetch_etl.ledger on ledger.sent_at operator(pg_catalog.=) t.sent_at
      and ledger.message_id operator(pg_catalog.=) t.message_id
    where ledger.run_id operator(pg_catalog.=) ${runId}`;
  return new Set(rows.map(({ message_id }) => message_id));
}

/** The same for every statement of a run. */
interface Load {
  readonly table: TableName;
  readonly queue: string;
  readonly runId: string;
  readonly vaultKey: SealedDataKey | undefined;
}

/**
 * One statement, which is one commit: the messages that the ledger does not have are added to it, and inserted into the logins' table or
 * into the quarantine. If a trigger drops some of them, the statement fails. It names the ledger's key, so that no other index makes a
 * message a duplicate, and has the messages in the order of the key, so that two drains cannot deadlock. Postgres would take longer to
 * sort them.
 *
 * We delete messages after this returns, so that the commit must be on disk: hence `synchronous_commit`. If all messages are duplicates,
 * the commit that loaded them may not have reached a synchronous standby yet: hence {@link WAIT_FOR_STANDBY}.
 */
async function write(sql: Sql, load: Load, received: readonly Entry[]): Promise<LoadResult> {
  const { table, queue, runId, vaultKey } = load;
  const ordered = received.map((entry, place) => ({ entry, place })).sort(byKey);
  const [entries, places] = [ordered.map(({ entry }) => entry), ordered.map(({ place }) => place)];
  const rejections = entries.map((entry) => (entry.kind === "rejection" ? entry.rejection : undefined));
  const key = [
    { name: "sent_at", values: entries.map(sentTime), type: "pg_catalog.timestamptz" },
    { name: "message_id", values: entries.map(({ messageId }) => messageId) },
  ];
  const logins = insertLogins(sql, {
    ...{ table, vaultKey, key, places },
    rows: entries.map((entry) => (entry.kind === "row" ? entry.row : undefined)),
    sealed: entries.map((entry) => (entry.kind === "row" ? entry.sealed : undefined)),
    others: [
      { name: "body_mac", values: entries.map(({ bodyMac }) => toHex(bodyMac)) },
      {
        name: "reasons",
        values: rejections.map((rejection) => (rejection ? JSON.stringify(rejection.reasons) : null)),
      },
      { name: "key_id", values: rejections.map((rejection) => rejection?.sealed.keyId ?? null) },
      { name: "sealed", values: rejections.map((rejection) => toHex(rejection?.sealed.bytes)) },
    ],
    fresh: sql`
      insert into fetch_etl.ledger (queue, sent_at, message_id, run_id, body_mac)
      select ${queue}::pg_catalog.text, sent_at, message_id, ${runId}::pg_catalog.uuid, pg_catalog.decode(body_mac, 'hex')
      from batch
      on conflict (${sql.unsafe(LEDGER_KEY)}) do nothing
      returning sent_at, message_id`,
  });
  const [counts] = await sql<{ loaded: number; quarantined: number }[]>`
    ${logins}, quarantined as (
      insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, key_id, sealed)
      select ${queue}::pg_catalog.text, batch.sent_at, batch.message_id,
             array(select pg_catalog.jsonb_array_elements_text(reasons::pg_catalog.jsonb)), key_id, pg_catalog.decode(sealed, 'hex')
      from ${freshOf(sql, key)}
      where reasons is not null
      returning 1
    ), counted as (
      select (select pg_catalog.count(*)::integer from fresh) as fresh,
             (select pg_catalog.count(*)::integer from loaded) as loaded,
             (select pg_catalog.count(*)::integer from quarantined) as quarantined
    )${failIf(sql, sql`(select loaded operator(pg_catalog.+) quarantined operator(pg_catalog.<>) fresh from counted)`)}
    select loaded, quarantined,
           case when fresh operator(pg_catalog.=) 0 then ${sql.unsafe(WAIT_FOR_STANDBY)} end,
           pg_catalog.set_config('synchronous_commit', case
             when pg_catalog.current_setting('synchronous_commit') operator(pg_catalog.=) 'off' then 'on'
             else pg_catalog.current_setting('synchronous_commit') end, true)
    from counted`;
  const { loaded, quarantined } = counts ?? NOTHING;
  return { loaded, quarantined, duplicates: entries.length - loaded - quarantined };
}

function sentTime({ sentAt }: Entry): string {
  return new Date(sentAt ?? SENT_TIME_UNKNOWN).toISOString();
}

/** Any order, as long as it is the same in all drains. */
function byKey({ entry: one }: { entry: Entry }, { entry: other }: { entry: Entry }): number {
  const later = (one.sentAt ?? SENT_TIME_UNKNOWN) - (other.sentAt ?? SENT_TIME_UNKNOWN);
  return later === 0 ? (one.messageId < other.messageId ? -1 : 1) : later;
}
