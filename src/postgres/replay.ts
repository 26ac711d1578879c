// `quarantine replay`: reads messages of the quarantine, loads their records and marks them as replayed.
import { randomUUID } from "node:crypto";
import type { DatabaseSettings } from "../config/database.ts";
import type { QuarantinedMessage } from "../quarantine/message.ts";
import type { PassedRecord, ReplayedMessage, ReplayStore } from "../quarantine/replay.ts";
import type { SealedDataKey } from "../recovery/recipients.ts";
import type { Entry } from "../drain/ports.ts";
import type { Fragment, Reader, Transaction } from "./connection.ts";
import { droppedRows, isDropped, unseenDrops } from "./dropped-rows.ts";
import type { Database } from "./database.ts";
import { translate } from "./errors.ts";
import { explainForbidden } from "./forbidden.ts";
import {
  BEFORE_ALL,
  type MessageKey,
  MESSAGE_COLUMNS,
  HELD_READS,
  readPage,
  toQuarantined,
  type QuarantinedRow,
} from "./quarantined-message.ts";
import { requireOwnIndexes } from "./ledger.ts";
import { READ_VERSION, rightsFor } from "./rights.ts";
import { ensureTables } from "./schema.ts";
import { isSelected, selectionValues, type Selection } from "./selection.ts";
import { requireTarget } from "./target-table.ts";
import { inTransaction, LOCKS, SNAPSHOT, withLock } from "./transaction.ts";
import { writeEntries, type Writing } from "./write-entries.ts";

export interface ReplayRequest {
  /** The data key of the values for the vault; undefined without a vault. */
  readonly vaultKey: SealedDataKey | undefined;
  readonly selection: Selection;
  /** A dry run loads each batch in a transaction that it rolls back: Postgres says which rows it would refuse. */
  readonly mode: "load" | "dry run";
}

/** Creates the tables that are missing, those of the vault only where one is kept. A dry run creates none. */
export async function openReplay(
  { sql, run }: Database,
  settings: DatabaseSettings,
  { vaultKey, selection, mode }: ReplayRequest,
): Promise<ReplayStore> {
  const keepsVault = vaultKey !== undefined;
  if (mode === "load")
    await ensureTables(sql, settings, keepsVault, { doing: "a replay", rights: [READ_VERSION] });
  const failure = await unseenDrops(sql);
  if (failure !== undefined) throw failure;
  const { user, table } = settings;
  const rights = [
    ...rightsFor(table, keepsVault),
    { table: "quarantine", right: "select" },
    { table: "quarantine", right: "update", columns: ["replayed_at", "reasons", "records"] },
  ] as const;
  const inserted = await requireTarget(sql, settings, { user, doing: "a replay", rights });
  if (settings.hasKeys === true) await requireOwnIndexes(sql);
  const writing = { target: settings, inserted, runId: randomUUID(), vaultKey };
  return {
    page: (after) =>
      run("reading the quarantine", () => inTransaction(sql, SNAPSHOT, (tx) => page(tx, after, selection))),
    load: (records) =>
      withLock(sql, LOCKS.quarantine, async (tx) => {
        const loaded = await load(tx, writing, records);
        if (mode === "load") return loaded;
        // Otherwise Postgres checks these constraints only at the commit.
        await tx.unsafe("set constraints all immediate");
        throw new RolledBack(loaded);
      }).catch(async (error: unknown) => {
        if (error instanceof RolledBack) return error.loaded;
        if (isDropped(error)) throw await droppedRows(sql, table);
        throw translate(await explainForbidden(error, sql, settings), settings, "replaying the quarantine");
      }),
    mark: async (messages) => {
      if (mode === "dry run") return;
      await run("replaying the quarantine", () =>
        withLock(sql, LOCKS.quarantine, (tx) => mark(tx, messages)),
      );
    },
  };
}

/** Ends the transaction of a dry run. */
class RolledBack extends Error {
  readonly loaded: number;

  constructor(loaded: number) {
    super("a dry run");
    this.loaded = loaded;
  }
}

async function page(
  sql: Reader,
  after: QuarantinedMessage | undefined,
  selection: Selection,
): Promise<QuarantinedMessage[]> {
  const rows = await readPage<QuarantinedRow>(sql, after ?? BEFORE_ALL, {
    reads: HELD_READS,
    gives: MESSAGE_COLUMNS,
    which: `replayed_at is null and ${isSelected(4)}`,
    values: selectionValues(selection),
  });
  return rows.map(toQuarantined);
}

/**
 * Loads the records that the ledger does not have, of messages that are still quarantined: one that was purged or forgotten in the meantime
 * must not come back.
 */
async function load(
  tx: Transaction,
  writing: Omit<Writing, "queue">,
  records: readonly PassedRecord[],
): Promise<number> {
  const places = await placesHeld(
    tx,
    records.map(({ held }) => held),
  );
  const byQueue = new Map<string, Entry[]>();
  for (const [place, { held, entry }] of records.entries()) {
    if (!places.has(place)) continue;
    const own = byQueue.get(held.queue);
    if (own === undefined) byQueue.set(held.queue, [entry]);
    else own.push(entry);
  }
  let loaded = 0;
  for (const [queue, entries] of byQueue)
    loaded += (await writeEntries(tx, { ...writing, queue }, entries)).loaded;
  return loaded;
}

/** The indices of those that are in the quarantine and not replayed. */
async function placesHeld(tx: Transaction, messages: readonly MessageKey[]): Promise<Set<number>> {
  const rows = await tx<{ place: string }[]>`
    select k.place
    from rows from (${keyArrays(tx, messages)}) with ordinality as k (sent_at, queue, message_id, place)
    join fetch_etl.quarantine q on q.sent_at operator(pg_catalog.=) k.sent_at
      and q.queue operator(pg_catalog.=) k.queue and q.message_id operator(pg_catalog.=) k.message_id
    where q.replayed_at is null`;
  return new Set(rows.map(({ place }) => Number(place) - 1));
}

/**
 * Marks messages without rejected records as replayed, and keeps the reasons of the others up to date. It returns rows, so that Postgres
 * refuses it where a rule would do something else instead.
 */
async function mark(tx: Transaction, messages: readonly ReplayedMessage[]): Promise<void> {
  const left = messages.map(({ rejected }) => rejected);
  await tx`
    update fetch_etl.quarantine q
    set replayed_at = case when m.reasons is null then pg_catalog.now() end,
        reasons = case when m.reasons is null then q.reasons
          else array(select pg_catalog.jsonb_array_elements_text(m.reasons::pg_catalog.jsonb)) end,
        records = case when m.reasons is null then q.records else m.records::integer[] end
    from rows from (
      ${keyArrays(
        tx,
        messages.map(({ held }) => held),
      )},
      pg_catalog.unnest(${left.map((each) => (each ? JSON.stringify(each.reasons) : null))}::pg_catalog.text[]),
      pg_catalog.unnest(${left.map((each) => (each ? `{${each.records.join(",")}}` : null))}::pg_catalog.text[])
    ) as m (sent_at, queue, message_id, reasons, records)
    where q.sent_at operator(pg_catalog.=) m.sent_at and q.queue operator(pg_catalog.=) m.queue
      and q.message_id operator(pg_catalog.=) m.message_id and q.replayed_at is null
    returning 1`;
}

/** For `rows from`. */
function keyArrays(tx: Transaction, keys: readonly MessageKey[]): Fragment {
  return tx`pg_catalog.unnest(${keys.map(({ storedSentAt }) => storedSentAt)}::pg_catalog.text[]::pg_catalog.timestamptz[]),
      pg_catalog.unnest(${keys.map(({ queue }) => queue)}::pg_catalog.text[]),
      pg_catalog.unnest(${keys.map(({ messageId }) => messageId)}::pg_catalog.text[])`;
}
