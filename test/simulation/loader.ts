// The ports of the database: what the statements of a drain and of a replay do.
import {
  keyOf,
  recordsOf,
  DatabaseLost,
  RowRefused,
  StatementCancelled,
  type Entry,
  type Loader,
  type LoadResult,
} from "../../src/drain/ports.ts";
import { Failure } from "../../src/failure.ts";
import type { QuarantinedMessage } from "../../src/quarantine/message.ts";
import type { ReplayStore } from "../../src/quarantine/replay.ts";
import {
  idempotencyKey,
  WRITES_VAULT,
  type Change,
  type Held,
  type Run,
  type SimulatedDatabase,
} from "./database.ts";
import type { SimulatedQueue } from "./queue.ts";
import { QUARANTINE_LOCK } from "./recovery.ts";
import type { Life } from "./schedule.ts";
import { REFUSED_ID } from "./sent.ts";
import { identityOf, type World } from "./world.ts";

interface Written extends LoadResult {
  /** What this run wrote. */
  readonly own: ReadonlySet<Entry>;
}

const NOTHING: Written = { loaded: 0, quarantined: 0, duplicates: 0, own: new Set() };
const REFUSED = new Failure("configuration", "Postgres refuses rows.");

export interface RunLoader extends Loader {
  /**
   * How many records the run was told twice that it loaded, or quarantined: those that it had loaded, that came again, and whose second
   * statement lost its connection.
   */
  readonly toldTwice: { loaded: number; quarantined: number };
  /** When the first statement lost its connection, virtual milliseconds. */
  failedAt(): number;
  /** Whether a statement was cancelled. */
  wasCancelled(): boolean;
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
  batchSize: number,
): RunLoader {
  const run: Run = { name: life.name, isFifo };
  let failedAt = Infinity;
  let wasCancelled = false;
  let isBusy = false;
  const noteFailure = (error: unknown): never => {
    if (error instanceof DatabaseLost) failedAt = Math.min(failedAt, world.schedule.now);
    if (error instanceof StatementCancelled) wasCancelled = true;
    throw error;
  };
  /** Entries whose outcome is unknown, because the connection was lost. */
  const unsettled = new Map<string, Entry>();
  const told = new Set<string>();
  const toldTwice = { loaded: 0, quarantined: 0 };

  /** Keys of the entries that earlier statements of this run committed. */
  const committedBefore = (): Promise<ReadonlySet<string>> =>
    database.run(life, new Set(), () => ({
      writes: false,
      apply: () =>
        new Set(
          [...unsettled].flatMap(([key, entry]) =>
            database.ledger.get(database.ledgerKey(queue, entry))?.run === run.name ? [key] : [],
          ),
        ),
    }));

  const load = async (entries: readonly Entry[]): Promise<LoadResult> => {
    world.require(
      new Set(entries.map(keyOf)).size === entries.length,
      () => "two entries of a statement have one key",
    );
    world.require(entries.length <= batchSize, () => `a statement has ${entries.length} entries`);
    world.note(life.name, () => `writes ${entries.map(keyOf).join(", ")}`);
    const settled = unsettled.size === 0 ? new Set<string>() : await committedBefore().catch(noteFailure);
    const left = entries.filter((entry) => !settled.has(keyOf(entry)));
    const before = entries.filter((entry) => settled.has(keyOf(entry)));
    const again = new Set(left.filter((entry) => unsettled.has(keyOf(entry))));
    for (const entry of left) unsettled.set(keyOf(entry), entry);
    const statement =
      left.length === 0 ? Promise.resolve(NOTHING) : write(database, life, run, queue, left, again);
    const written = await statement.catch((error: unknown) => {
      if (!(error instanceof DatabaseLost)) for (const entry of left) unsettled.delete(keyOf(entry));
      return noteFailure(error);
    });
    for (const entry of entries) {
      unsettled.delete(keyOf(entry));
      if (!before.includes(entry) && !written.own.has(entry)) continue;
      const isNew = !told.has(keyOf(entry));
      told.add(keyOf(entry));
      if (!isNew) toldTwice[entry.kind === "row" ? "loaded" : "quarantined"] += recordsOf(entry);
    }
    const rowsBefore = before.filter(({ kind }) => kind === "row").length;
    const result = {
      loaded: written.loaded + rowsBefore,
      quarantined: written.quarantined + countRecords(before) - rowsBefore,
      duplicates: written.duplicates,
    };
    world.note(life.name, () => `was told by postgres: ${JSON.stringify(result)}`);
    return result;
  };

  return {
    toldTwice,
    failedAt: () => failedAt,
    wasCancelled: () => wasCancelled,
    isBusy: () => isBusy,
    unknown: () => countRecords([...unsettled.values()]),
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

function write(
  database: SimulatedDatabase,
  life: Life,
  run: Run,
  queue: string,
  entries: readonly Entry[],
  again: ReadonlySet<Entry>,
): Promise<Written> {
  return database.run(life, keysOf(database, queue, entries), () =>
    change(database, run, queue, entries, again),
  );
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

/**
 * The statement: adds the entries that the ledger does not have, or none if a row is refused.
 *
 * @param again an earlier statement had them, and its outcome is unknown: it may have committed just now, for this run
 */
function change(
  database: SimulatedDatabase,
  run: Run,
  queue: string,
  entries: readonly Entry[],
  again: ReadonlySet<Entry> = new Set(),
): Change<Written> {
  const taken = new Set<string>();
  const ordered = [...entries].sort((one, other) => (one.sentAt ?? 0) - (other.sentAt ?? 0));
  const fresh = new Set<Entry>();
  for (const entry of ordered) {
    if (database.ledger.has(database.ledgerKey(queue, entry))) continue;
    const keys = idempotencyKeysOf(queue, entry);
    if (keys.some((key) => taken.has(key) || database.idempotencyKeys.has(key))) continue;
    for (const key of keys) taken.add(key);
    fresh.add(entry);
  }
  for (const entry of fresh) {
    if (entry.kind !== "row") continue;
    const of = database.refuses ?? (entry.cells[0]?.startsWith(REFUSED_ID) === true ? "row" : undefined);
    if (of === undefined) continue;
    const sqlState = of === "row" ? "22003" : "42P01";
    return { error: new RowRefused({ sqlState, of }, REFUSED) };
  }
  const inOrder = entries.filter((entry) => fresh.has(entry));
  const inVault = database.vault.known(inOrder);
  const own = entries.filter(
    (entry) =>
      fresh.has(entry) ||
      (again.has(entry) && database.ledger.get(database.ledgerKey(queue, entry))?.run === run.name),
  );
  const loaded = own.filter(({ kind }) => kind === "row").length;
  const quarantined = countRecords(own) - loaded;
  const duplicates = countRecords(entries) - loaded - quarantined;
  return {
    writes: fresh.size > 0,
    apply: (commit) => {
      for (const entry of inOrder) database.insert(queue, run, entry, commit, inVault);
      return { loaded, quarantined, duplicates, own: new Set(own) };
    },
  };
}

function countRecords(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + recordsOf(entry), 0);
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
