// Writes batches: rows, quarantine and ledger in one statement, which is one commit.
import { randomUUID } from "node:crypto";
import type { DatabaseSettings } from "../config/database.ts";
import type { TableName } from "../config/table.ts";
import { DatabaseLost, RowRefused, type Entry, type Loader, type LoadResult } from "../drain/ports.ts";
import type { SealedDataKey } from "../recovery/recipients.ts";
import { offerBodyMac } from "./body-mac.ts";
import { connect, type Connection, type Fragment, type Sql } from "./connection.ts";
import { droppedRows, failIf, isDropped } from "./dropped-rows.ts";
import { asFailure, translate } from "./errors.ts";
import { explainForbidden, forbidden } from "./forbidden.ts";
import { ensureLedgerKey } from "./ledger-key.ts";
import { pruneLedger } from "./ledger.ts";
import { fullName } from "./quote.ts";
import { requireTables, ensureTables } from "./schema.ts";
import { keepValues, rowArrays, toHex, toHexOrNull } from "./statement.ts";
import { tablesFor } from "./tables.ts";
import { unloggedTables } from "./unlogged.ts";
import { withColumn } from "./unstorable.ts";

/** Stands in for the sent time that a server does not tell, so that a redelivery meets its own ledger entry. */
export const SENT_TIME_UNKNOWN = 0;

/** Writes to the log, so that the commit waits for the standby, and with that for all that was committed before. */
const WAIT_FOR_STANDBY = "pg_catalog.pg_logical_emit_message(true, 'fetch-etl', '')";

/** A loader that holds a connection. Call {@link PostgresLoader.close} when done. */
export interface PostgresLoader extends Loader {
  /** A sentence about what could lose rows later; undefined where there is nothing to say. */
  readonly warning: string | undefined;
  /** Takes ledger entries older than `days` away, where the user has the right to; ends early when `stop` is aborted. */
  prune(days: number, stop: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects, makes the tables that are missing and checks that rows can be written.
 *
 * @param queue what the ledger knows the queue by
 * @param vaultKey what the entries' sealed values were sealed under; undefined where no vault is kept
 * @throws `Failure` as a sentence for the user
 */
export async function openLoader(
  settings: DatabaseSettings,
  queue: string,
  vaultKey?: SealedDataKey,
): Promise<PostgresLoader> {
  const runId = randomUUID();
  /** Messages whose commit was sent and never answered. */
  const unsettled = new Map<string, Entry>();
  let connection: Connection | undefined;
  let keepsMacs = false;
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

  const prepare = async (): Promise<void> => {
    const keepsVault = vaultKey !== undefined;
    const tables = tablesFor(settings.table, keepsVault);
    await run("making its tables", (sql) => ensureTables(sql, settings.user, tables));
    const failure = await run("looking at its tables", (sql) => forbidden(sql, settings, tables));
    if (failure !== undefined) throw failure;
    warning = await run("looking at its tables", (sql) => unloggedTables(sql, tables));
    await run("looking at its tables", (sql) =>
      requireTables(sql, settings.user, settings.table, keepsVault),
    );
    await run("building the ledger's key", ensureLedgerKey);
    keepsMacs = await run("looking at its tables", offerBodyMac);
  };
  try {
    await prepare();
  } catch (error) {
    await close();
    throw asFailure(error, settings, "looking at its tables");
  }

  const writeAll = async (sql: Sql, entries: readonly Entry[]): Promise<LoadResult> => {
    try {
      return await write(sql, { table: settings.table, queue, runId, vaultKey, keepsMacs }, entries);
    } catch (error) {
      // Refused outright is not unknown: only a lost connection leaves the question open.
      if (!(translate(error, settings, "") instanceof DatabaseLost))
        for (const { messageId } of entries) unsettled.delete(messageId);
      throw isDropped(error) ? await droppedRows(sql, settings.table) : error;
    }
  };

  return {
    warning,
    load: async (entries) => {
      const ids = entries.map(({ messageId }) => messageId);
      const result = await run("writing rows", async (sql) => {
        const settled =
          unsettled.size === 0
            ? new Set<string>()
            : await committedBefore(sql, runId, [...unsettled.values()]);
        const left = entries.filter(({ messageId }) => !settled.has(messageId));
        for (const entry of left) unsettled.set(entry.messageId, entry);
        const written = left.length === 0 ? NOTHING : await writeAll(sql, left);
        return add(written, settledResult(entries, settled));
      }).catch(async (error: unknown) => {
        const [only, ...others] = entries;
        if (!(error instanceof RowRefused) || others.length > 0 || only?.kind !== "row") throw error;
        throw await run("writing rows", (sql) => withColumn(error, sql, only.row));
      });
      for (const id of ids) unsettled.delete(id);
      return result;
    },
    prune: (days, stop) => run("pruning the ledger", (sql) => pruneLedger(sql, days, stop)),
    close: () => close(),
  };
}

const NOTHING: LoadResult = { loaded: 0, quarantined: 0, duplicates: 0 };

function add(a: LoadResult, b: LoadResult): LoadResult {
  return {
    loaded: a.loaded + b.loaded,
    quarantined: a.quarantined + b.quarantined,
    duplicates: a.duplicates + b.duplicates,
  };
}

/** What an earlier call wrote after all, although its answer was lost. */
function settledResult(entries: readonly Entry[], settled: ReadonlySet<string>): LoadResult {
  const written = entries.filter(({ messageId }) => settled.has(messageId));
  const loaded = written.filter(({ kind }) => kind === "row").length;
  return { loaded, quarantined: written.length - loaded, duplicates: 0 };
}

/** What earlier calls committed although their answer was lost. Returns when a synchronous standby has it too. */
async function committedBefore(sql: Sql, runId: string, entries: readonly Entry[]): Promise<Set<string>> {
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

/**
 * The load, in one statement: what is new to the ledger goes into the logins' table, in the order in which it was received, or into
 * the quarantine. Where a trigger keeps some of it out, the statement fails.
 * A commit that the server would answer before it is on disk could be lost after its messages were deleted: hence `synchronous_commit`.
 * Where all are duplicates, what they were loaded by may still be on its way to a synchronous standby, and {@link WAIT_FOR_STANDBY}.
 */
async function write(sql: Sql, load: Load, entries: readonly Entry[]): Promise<LoadResult> {
  const { table, queue, runId, vaultKey, keepsMacs } = load;
  const rows = entries.map((entry) => (entry.kind === "row" ? entry.row : undefined));
  const rejections = entries.map((entry) => (entry.kind === "rejection" ? entry.rejection : undefined));
  const fresh = sql`batch join fresh on fresh.sent_at operator(pg_catalog.=) batch.sent_at
        and fresh.message_id operator(pg_catalog.=) batch.message_id`;
  const [counts] = await sql<{ loaded: number; quarantined: number }[]>`
    with batch as (
      select * from rows from (
        pg_catalog.unnest(${entries.map((entry) => entry.messageId)}::pg_catalog.text[]),
        pg_catalog.unnest(${entries.map(sentTime)}::pg_catalog.text[]::pg_catalog.timestamptz[]),
        ${rowArrays(sql, rows)},
        pg_catalog.unnest(${rejections.map((rejection) => (rejection ? JSON.stringify(rejection.reasons) : null))}::pg_catalog.text[]),
        pg_catalog.unnest(${rejections.map((rejection) => rejection?.sealed.keyId ?? null)}::pg_catalog.text[]),
        pg_catalog.unnest(${rejections.map((rejection) => toHexOrNull(rejection?.sealed.bytes))}::pg_catalog.text[])
        ${vaultKey === undefined ? sql`` : sealedArrays(sql, entries)}
        ${keepsMacs ? sql`, pg_catalog.unnest(${entries.map(({ bodyMac }) => toHex(bodyMac))}::pg_catalog.text[])` : sql``}
      ) with ordinality as t (message_id, sent_at, user_id, device_type, masked_ip, masked_device_id, locale, app_version,
              create_date, reasons, key_id, sealed${vaultKey === undefined ? sql`` : sql`, ip, device_id`}${keepsMacs ? sql`, body_mac` : sql``}, place)
    ), fresh as (
      insert into fetch_etl.ledger (queue, sent_at, message_id, run_id${keepsMacs ? sql`, body_mac` : sql``})
      select ${queue}::pg_catalog.text, sent_at, message_id, ${runId}::pg_catalog.uuid${keepsMacs ? sql`, pg_catalog.decode(body_mac, 'hex')` : sql``}
      from batch
      on conflict do nothing
      returning sent_at, message_id
    ), loaded as (
      insert into ${sql.unsafe(fullName(table))}
        (user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date)
      select user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date
      from ${fresh}
      where reasons is null
      order by place
      returning 1
    ), quarantined as (
      insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, key_id, sealed)
      select ${queue}::pg_catalog.text, batch.sent_at, batch.message_id,
             array(select pg_catalog.jsonb_array_elements_text(reasons::pg_catalog.jsonb)), key_id, pg_catalog.decode(sealed, 'hex')
      from ${fresh}
      where reasons is not null
      returning 1
    ), counted as (
      select (select pg_catalog.count(*)::integer from fresh) as fresh,
             (select pg_catalog.count(*)::integer from loaded) as loaded,
             (select pg_catalog.count(*)::integer from quarantined) as quarantined
    )${failIf(sql, sql`(select loaded operator(pg_catalog.+) quarantined operator(pg_catalog.<>) fresh from counted)`)}
    ${vaultKey === undefined ? sql`` : keepValues(sql, vaultKey, fresh)}
    select loaded, quarantined,
           case when fresh operator(pg_catalog.=) 0 then ${sql.unsafe(WAIT_FOR_STANDBY)} end,
           pg_catalog.set_config('synchronous_commit', case
             when pg_catalog.current_setting('synchronous_commit') operator(pg_catalog.=) 'off' then 'on'
             else pg_catalog.current_setting('synchronous_commit') end, true)
    from counted`;
  const { loaded, quarantined } = counts ?? NOTHING;
  return { loaded, quarantined, duplicates: entries.length - loaded - quarantined };
}

/** What is the same for every statement of a run. */
interface Load {
  readonly table: TableName;
  readonly queue: string;
  readonly runId: string;
  readonly vaultKey: SealedDataKey | undefined;
  /** Whether the ledger has a place for the bodies' MACs. */
  readonly keepsMacs: boolean;
}

/** The batch's columns of sealed values, where a vault is kept. */
function sealedArrays(sql: Sql, entries: readonly Entry[]): Fragment {
  const sealed = entries.map((entry) => (entry.kind === "row" ? entry.sealed : undefined));
  return sql`,
        pg_catalog.unnest(${sealed.map((each) => toHexOrNull(each?.ip))}::pg_catalog.text[]),
        pg_catalog.unnest(${sealed.map((each) => toHexOrNull(each?.deviceId))}::pg_catalog.text[])`;
}

function sentTime({ sentAt }: Entry): string {
  return new Date(sentAt ?? SENT_TIME_UNKNOWN).toISOString();
}
