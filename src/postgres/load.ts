// A drain's writes: rows, quarantine, ledger and vault in one statement, which is one commit.
import { randomUUID } from "node:crypto";
import type { DatabaseSettings } from "../config/database.ts";
import type { ReasonCount } from "../drain/counts.ts";
import { DatabaseLost, keyOf, RowRefused, type Entry, type Loader } from "../drain/ports.ts";
import { SettlingLoader, type Committed, type Unsettled } from "../drain/settling-loader.ts";
import type { KeyHistory } from "../recovery/key-use.ts";
import type { SealedDataKey } from "../recovery/recipients.ts";
import { unloggedTables } from "./catalogue.ts";
import { connect, type Connection, type Sql } from "./connection.ts";
import { droppedRows, isDropped } from "./dropped-rows.ts";
import { asFailure, translate, withColumn } from "./errors.ts";
import { explainForbidden, forbidden } from "./forbidden.ts";
import { heldReasons } from "./held-reasons.ts";
import { keyHistoryWithin } from "./key-history.ts";
import { pruneLedger, requireOwnIndexes } from "./ledger.ts";
import { tablesFor } from "./migrations.ts";
import { rightsFor } from "./rights.ts";
import { RunRecorder, type RunEnd, type RunStart } from "./runs.ts";
import { ensureTables } from "./schema.ts";
import { requireTarget, type Inserted } from "./target-table.ts";
import { ANSWERED_AT, NEVER, sentTime, WAIT_FOR_STANDBY, writeEntries } from "./write-entries.ts";

/** Call {@link PostgresLoader.close} when done. */
export interface PostgresLoader extends Loader {
  /** A sentence about tables that could lose rows; undefined where there are none. */
  readonly warning: string | undefined;
  /** Uses of masking keys for the table, as far as the user may read the records. Never fails. */
  keyHistory(): Promise<KeyHistory>;
  /** Adds the run to the run history if the user may. Delays the next load by at most one round trip. */
  recordStart(start: RunStart): void;
  /** Completes the row that {@link recordStart} added; never fails. */
  recordEnd(end: RunEnd): Promise<void>;
  /** What the quarantine holds of this queue, most frequent reason first; undefined if it cannot be read. */
  heldReasons(): Promise<readonly ReasonCount[] | undefined>;
  /** Deletes ledger entries and runs older than `days` if the user has the right; ends early when `stop` is aborted. */
  prune(days: number, stop: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects, creates or migrates the tables, and checks that rows can be written.
 *
 * @param queue the ARN of the queue, or the path of its URL
 * @param vaultKey the data key of the entries' sealed values; undefined where no vault is kept
 * @param runId a UUID, for the ledger and the run history
 * @throws {Failure} when the database is unreachable, or cannot take rows
 */
export async function openLoader(
  settings: DatabaseSettings,
  queue: string,
  vaultKey?: SealedDataKey,
  runId: string = randomUUID(),
): Promise<PostgresLoader> {
  let connection: Connection | undefined;
  let warning: string | undefined;
  let inserted: readonly Inserted[] = [];
  let recorder: RunRecorder | undefined;

  const connected = (): Connection => (connection ??= connect(settings));
  const run = async <T>(doing: string, action: (sql: Sql) => Promise<T>): Promise<T> => {
    const { sql, replicated } = connected();
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
    const { recordsRuns } = await run("creating its tables", (sql) =>
      ensureTables(sql, settings, keepsVault, use),
    );
    if (recordsRuns) recorder = new RunRecorder(() => connected().sql, runId, queue);
    await run(CHECKING, async (sql) => {
      const failure = await forbidden(sql, settings, tables);
      if (failure !== undefined) throw failure;
      warning = await unloggedTables(sql, tables);
      inserted = await requireTarget(sql, settings, { ...use, user: settings.user });
      if (settings.hasKeys === true) await requireOwnIndexes(sql);
    });
  } catch (error) {
    await close();
    throw asFailure(error, settings, CHECKING);
  }

  const write = async (sql: Sql, entries: readonly Entry[]): ReturnType<typeof writeEntries> => {
    try {
      return await writeEntries(sql, { target: settings, inserted, queue, runId, vaultKey }, entries);
    } catch (error) {
      throw isDropped(error) ? await droppedRows(sql, table) : error;
    }
  };
  const loader = new SettlingLoader({
    write: (entries) => run(WRITING, (sql) => write(sql, entries)),
    findCommitted: (entries) => run(WRITING, (sql) => findCommitted(sql, runId, entries)),
  });

  return {
    warning,
    load: (entries) =>
      loader.load(entries).catch(async (error: unknown) => {
        const [only, ...others] = entries;
        if (!(error instanceof RowRefused) || others.length > 0 || only?.kind !== "row") throw error;
        throw await run(WRITING, (sql) => withColumn(error, sql, settings.columns, only.cells));
      }),
    keyHistory: () =>
      keyHistoryWithin(connected().sql, table).catch(() => ({
        uses: [],
        knowsRotations: false,
      })),
    recordStart: (start) => recorder?.start(start),
    recordEnd: async (end) => recorder?.end(end),
    heldReasons: () => heldReasons(connected().sql, queue).catch(() => undefined),
    prune: (days, stop) => run("pruning the ledger", (sql) => pruneLedger(sql, days, stop)),
    close: () => close(),
  };
}

const CHECKING = "checking its tables";
const WRITING = "writing rows";

/** See {@link SettlingLoader}. `loaded_at` is when the statement began. */
async function findCommitted(sql: Sql, runId: string, unsettled: readonly Unsettled[]): Promise<Committed> {
  const entries = unsettled.map(({ entry }) => entry);
  const rows = await sql<{ message_id: string; record: number; answeredAt: string }[]>`
    select t.message_id, t.record, ${sql.unsafe(ANSWERED_AT)} as "answeredAt", ${sql.unsafe(WAIT_FOR_STANDBY)}
    from rows from (
      pg_catalog.unnest(${entries.map(sentTime)}::pg_catalog.text[]::pg_catalog.timestamptz[]),
      pg_catalog.unnest(${entries.map(({ messageId }) => messageId)}::pg_catalog.text[]),
      pg_catalog.unnest(${entries.map(({ record }) => record)}::pg_catalog.text[]::integer[]),
      pg_catalog.unnest(${unsettled.map(({ since = NEVER }) => since)}::pg_catalog.text[]::pg_catalog.timestamptz[])
    ) as t (sent_at, message_id, record, since)
    join fetch_etl.ledger on ledger.sent_at operator(pg_catalog.=) t.sent_at
      and ledger.message_id operator(pg_catalog.=) t.message_id and ledger.record operator(pg_catalog.=) t.record
    where ledger.run_id operator(pg_catalog.=) ${runId} and ledger.loaded_at operator(pg_catalog.>) t.since`;
  return {
    keys: new Set(rows.map(({ message_id: messageId, record }) => keyOf({ messageId, record }))),
    answeredAt: rows.at(-1)?.answeredAt,
  };
}
