// The ports of the database: what the statements of a drain and of a replay do.
import {
  countRecords,
  keyOf,
  DatabaseLost,
  RowRefused,
  StatementCancelled,
  type Entry,
  type Loader,
  type LoadResult,
  type RowEntry,
} from "../../src/drain/ports.ts";
import { ALIKE } from "../../src/drain/bisection.ts";
import type { DrainSettings } from "../../src/drain/settings.ts";
import { SettlingLoader } from "../../src/drain/settling-loader.ts";
import { Failure } from "../../src/failure.ts";
import type { QuarantinedMessage } from "../../src/quarantine/message.ts";
import type { ReplayStore } from "../../src/quarantine/replay.ts";
import { WRITES_VAULT, type Change, type SimulatedDatabase } from "./database.ts";
import type { SimulatedQueue } from "./queue.ts";
import { Outages } from "./outages.ts";
import { QUARANTINE_LOCK } from "./recovery.ts";
import type { Life } from "./schedule.ts";
import { REFUSED_ID } from "./sent.ts";
import { idempotencyKey, NO_TABLE, type Held, type Run } from "./tables.ts";
import { identityOf, type World } from "./world.ts";

const REFUSED = new Failure("configuration", "Postgres refuses rows.");

export interface RunLoader extends Loader {
  /** Statements that lost their connection. */
  readonly outages: Outages;
  /** Whether a statement was cancelled. */
  wasCancelled(): boolean;
  /** Whether the table is the reason that the last rows were refused, as far as the run can know. */
  blamesTable(): boolean;
  /** Whether the last load failed, for another reason than its rows. */
  hasFailed(): boolean;
  /** Whether a statement is not answered yet. */
  isBusy(): boolean;
  /** How many records have an unknown outcome. */
  unknown(): number;
  prune(days: number): Promise<void>;
}

/** The port of a drain. */
export function openLoader(
  world: World,
  database: SimulatedDatabase,
  life: Life,
  { id: queue, options: { isFifo } }: Pick<SimulatedQueue, "id" | "options">,
  { batchSize, retryForSeconds }: Pick<DrainSettings, "batchSize" | "retryForSeconds">,
): RunLoader {
  const run: Run = { name: life.name, isFifo };
  const outages = new Outages(() => world.schedule.now);
  let wasCancelled = false;
  let isBusy = false;
  let hasFailed = false;
  let hasLoaded = false;
  let blamesTable = false;
  /** The keys that were tried, and whether a row of the batch was accepted. */
  const tried = new Set<string>();
  let passed = false;
  const noteFailure = (error: unknown): never => {
    if (error instanceof DatabaseLost) outages.failed("load");
    else outages.answered("load");
    if (error instanceof StatementCancelled) wasCancelled = true;
    hasFailed = !(error instanceof RowRefused);
    if (error instanceof RowRefused) blamesTable ||= error.refusal.of === "table" || !hasLoaded;
    throw error;
  };
  /** Entries whose load lost its connection, and was not repeated with success. */
  const unknown = new Map<string, Entry>();
  /** Whether a record of the run was accepted, now or before. */
  let wasAccepted = false;
  const now = (): string => String(world.schedule.now);
  const loader = new SettlingLoader({
    write: (entries) =>
      database.run(life, keysOf(database, queue, entries), () => {
        const writing = change(database, run, queue, entries);
        if ("error" in writing) return writing;
        return { ...writing, apply: (commit) => ({ ...writing.apply(commit), answeredAt: now() }) };
      }),
    findCommitted: (entries) =>
      database.run(life, new Set(), () => ({
        writes: false,
        apply: () => {
          const found = entries.filter(({ entry, since = -Infinity }) => {
            const noted = database.ledger.get(database.ledgerKey(queue, entry));
            return noted?.run === run.name && noted.loadedAt > Number(since);
          });
          return { keys: new Set(found.map(({ entry }) => keyOf(entry))), answeredAt: now() };
        },
      })),
  });

  const load = async (entries: readonly Entry[]): Promise<LoadResult> => {
    world.require(
      new Set(entries.map(keyOf)).size === entries.length,
      () => "two entries of a statement have one key",
    );
    world.require(entries.length <= batchSize, () => `a statement has ${entries.length} entries`);
    outages.requireEnd(world, life, "load", retryForSeconds);
    const missing = entries.filter(isOfMissing);
    world.require(
      passed || wasCancelled || missing.length < ALIKE,
      () => `${life.name} quarantines ${missing.length} rows, and the table refuses every one of their batch`,
    );
    if (entries.some((entry) => !tried.has(keyOf(entry)))) passed = false;
    for (const entry of entries) tried.add(keyOf(entry));
    world.note(life.name, () => `writes ${entries.map(keyOf).join(", ")}`);
    const result = await loader.load(entries).catch((error: unknown) => {
      if (error instanceof DatabaseLost) for (const entry of entries) unknown.set(keyOf(entry), entry);
      return noteFailure(error);
    });
    outages.answered("load");
    hasFailed = false;
    hasLoaded ||= result.loaded > 0;
    if (result.loaded + result.duplicates > 0) passed = true;
    for (const entry of entries) unknown.delete(keyOf(entry));
    world.note(life.name, () => `was told by postgres: ${JSON.stringify(result)}`);
    if (result.loaded + result.duplicates > 0) wasAccepted = true;
    // The first of them may be here because of a record of an earlier batch.
    world.require(
      wasAccepted || entries.filter(isOfRefused).length <= ALIKE,
      () => `${life.name} quarantines rows, and postgres refuses every one`,
    );
    return result;
  };

  return {
    outages,
    wasCancelled: () => wasCancelled,
    blamesTable: () => blamesTable,
    hasFailed: () => hasFailed,
    isBusy: () => isBusy,
    unknown: () => countRecords([...unknown.values()]),
    load: async (entries) => {
      isBusy = true;
      const result = await load(entries).finally(() => {
        isBusy = false;
      });
      return result;
    },
    prune: (days) =>
      database.run(life, new Set(), () => ({
        writes: true,
        apply: () => {
          database.prune(days);
        },
      })),
  };
}

/** Whether it quarantines a row, or several, that Postgres refused. */
function isOfRefused(entry: Entry): boolean {
  return entry.kind === "rejection" && entry.rejection.reasons.some((reason) => reason.includes("SQLSTATE"));
}

/** Whether Postgres refused it because the table is missing. */
function isOfMissing(entry: Entry): boolean {
  return entry.kind === "rejection" && entry.rejection.reasons.every((reason) => reason.includes(NO_TABLE));
}

/** The unique keys that the entries need. */
function keysOf(database: SimulatedDatabase, queue: string, entries: readonly Entry[]): Set<string> {
  const keys = entries.flatMap((entry) => [
    database.ledgerKey(queue, entry),
    ...idempotencyKeysOf(queue, entry),
  ]);
  return new Set(database.vault.isKept ? [...keys, WRITES_VAULT] : keys);
}

function idempotencyKeysOf(queue: string, entry: Entry): string[] {
  const key = entry.kind === "row" ? idempotencyKey(queue, entry.idempotency) : undefined;
  return key === undefined ? [] : [key];
}

/** The statement: adds the entries that the ledger does not have, or none if a row is refused. */
function change(
  database: SimulatedDatabase,
  run: Run,
  queue: string,
  entries: readonly Entry[],
): Change<LoadResult> {
  const taken = new Set<string>();
  // Of records with the same idempotency key, the first by the ledger's key is loaded.
  const ordered = [...entries].sort(byLedgerKey);
  const fresh = new Set<Entry>();
  for (const entry of ordered) {
    if (database.ledger.has(database.ledgerKey(queue, entry))) continue;
    const keys = idempotencyKeysOf(queue, entry);
    if (keys.some((key) => taken.has(key) || database.idempotencyKeys.has(key))) continue;
    for (const key of keys) taken.add(key);
    fresh.add(entry);
  }
  const isRow = (entry: Entry): entry is RowEntry => entry.kind === "row";
  // The statement casts all values, also those of duplicates.
  const isRefused = entries.filter(isRow).some(({ cells }) => cells[0]?.startsWith(REFUSED_ID) === true);
  const of = isRefused ? "row" : [...fresh].some(isRow) ? database.refuses : undefined;
  if (of !== undefined)
    return { error: new RowRefused({ sqlState: of === "row" ? "22003" : NO_TABLE, of }, REFUSED) };
  const inOrder = entries.filter((entry) => fresh.has(entry));
  const inVault = database.vault.known(inOrder);
  const loaded = inOrder.filter(({ kind }) => kind === "row").length;
  const quarantined = countRecords(inOrder) - loaded;
  const duplicates = countRecords(entries) - loaded - quarantined;
  return {
    writes: fresh.size > 0,
    apply: (commit) => {
      for (const entry of inOrder) database.insert(queue, run, entry, commit, inVault);
      return { loaded, quarantined, duplicates };
    },
  };
}

function byLedgerKey(one: Entry, other: Entry): number {
  const [id, otherId] = [one.messageId, other.messageId];
  const byId = id < otherId ? -1 : id > otherId ? 1 : one.record - other.record;
  return (one.sentAt ?? 0) - (other.sentAt ?? 0) || byId;
}

const PAGE = 20;

/** The port of a replay. */
export function openReplay(world: World, database: SimulatedDatabase, life: Life, only: string): ReplayStore {
  const find = ({ queue, messageId, sentAt }: QuarantinedMessage): Held | undefined => {
    const held = database.quarantine.get(identityOf(queue, { messageId, sentAt }));
    return held?.isReplayed === false ? held : undefined;
  };
  return {
    page: (after) =>
      database.run(life, new Set(), () => ({
        writes: false,
        apply: () =>
          [...database.quarantine.values()]
            .filter(({ isReplayed, queue }) => !isReplayed && queue === only)
            .map(toQuarantined)
            .filter((held) => after === undefined || orderOf(held) > orderOf(after))
            .sort((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1))
            .slice(0, PAGE),
      })),
    load: (records) => {
      const keys = keysOf(
        database,
        only,
        records.map(({ entry }) => entry),
      );
      return database.run(life, new Set([QUARANTINE_LOCK, ...keys]), () => {
        const held = records.filter((record) => find(record.held) !== undefined);
        const loading = change(
          database,
          { name: life.name, isFifo: false },
          only,
          held.map(({ entry }) => entry),
        );
        return "error" in loading ? loading : { ...loading, apply: (commit) => loading.apply(commit).loaded };
      });
    },
    mark: (messages) =>
      database.run(life, new Set([QUARANTINE_LOCK]), () => ({
        writes: true,
        apply: (commit) => {
          for (const { held, rejected } of messages) {
            const found = find(held);
            if (found === undefined) continue;
            const before = { ...found };
            world.note(
              life.name,
              () => `marks ${held.messageId}: ${rejected?.records.join(" ") ?? "replayed"}`,
            );
            if (rejected === undefined) found.isReplayed = true;
            else [found.reasons, found.records] = [rejected.reasons, rejected.records];
            commit.undo.push(() => Object.assign(found, before));
          }
        },
      })),
  };
}

function toQuarantined(held: Held): QuarantinedMessage {
  const { queue, messageId, sentAt, reasons, records, quarantinedAt, rejection } = held;
  return {
    ...{ queue, messageId, sentAt, reasons, records, quarantinedAt },
    storedSentAt: String(sentAt ?? 0),
    body: rejection.sealed,
  };
}

function orderOf({ sentAt = 0, queue, messageId }: QuarantinedMessage): string {
  return `${String(sentAt).padStart(20)} ${queue} ${messageId}`;
}
