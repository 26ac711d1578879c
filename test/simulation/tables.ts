// The tables of the simulated Postgres: what a commit adds, changes and deletes, and the promises about each row.
import type { Entry, Rejection } from "../../src/drain/ports.ts";
import { keyIdOf } from "../../src/masking/token.ts";
import { SECRET, type SentRecord } from "./sent.ts";
import { isAccepted, type Setup } from "./setups.ts";
import { SimulatedVault } from "./vault.ts";
import { identityOf, type Commit, type World } from "./world.ts";

/** What writes. */
export interface Run {
  readonly name: string;
  /** Whether it must write the rows of a message group in their order. */
  readonly isFifo: boolean;
}

interface LedgerEntry {
  readonly messageId: string;
  readonly run: string;
  /** Undefined in an entry without one. */
  readonly idempotency: string | undefined;
  readonly sentAt: number;
  readonly loadedAt: number;
}

export interface Row {
  readonly queue: string;
  readonly run: string;
  readonly commit: Commit;
  readonly record: SentRecord;
  readonly ledgerKey: string;
  /** In the table's file: the block, as it were. */
  readonly place: number;
  /** The second cell; rotations change it. */
  token: string;
}

export interface Held {
  readonly queue: string;
  readonly messageId: string;
  readonly sentAt: number | undefined;
  readonly run: string;
  readonly commit: Commit;
  readonly quarantinedAt: number;
  readonly rejection: Rejection;
  reasons: readonly string[];
  records: readonly number[] | undefined;
  isReplayed: boolean;
}

/** Postgres's code for a table that is missing. */
export const NO_TABLE = "42P01";
export const DAY_MS = 24 * 3600 * 1000;

export class Tables {
  /**
   * Whether a row that was not accepted may be accepted later, and then comes after later ones: Postgres refused all rows for a while, or the
   * mapping changed.
   */
  acceptsLater = false;
  readonly vault: SimulatedVault;
  /** What each process was configured with, by its name. */
  readonly setups = new Map<string, Setup>();
  /** When a token of each masking key was written last, by the key's id. */
  readonly wroteAt = new Map<string, number>();
  /** The number of places in the table's file. */
  places = 0;
  /** By {@link ledgerKey}. */
  readonly ledger = new Map<string, LedgerEntry>();
  /** The entries of the ledger that have an idempotency key, by this key. */
  readonly idempotencyKeys = new Set<string>();
  /** By {@link rowKey}. */
  readonly rows = new Map<string, Row>();
  /** Those with an idempotency key, by the value of `dedupe`. */
  readonly rowsByKey = new Map<string, Row[]>();
  /** By the message's identity. */
  readonly quarantine = new Map<string, Held>();
  readonly purged = new Set<Held>();
  /** The records, by {@link rowKey}, that a replay took out of the quarantine because its mapping skips them. */
  readonly skipped = new Set<string>();
  /** Commits that a failover lost. */
  lostCommits = 0;
  /** The highest place in the queue of a message group's rows. */
  readonly #lastOfGroup = new Map<string, number>();
  /** The runs that wrote a row. */
  readonly #writers = new Set<string>();
  readonly #world: World;

  constructor(world: World, hasVault: boolean) {
    this.#world = world;
    this.vault = new SimulatedVault(world, hasVault);
  }

  ledgerKey(queue: string, entry: Pick<Entry, "messageId" | "sentAt" | "record">): string {
    return `${identityOf(queue, entry)} ${entry.record}`;
  }

  /**
   * Adds an entry to the ledger, and its row or its message in the quarantine.
   *
   * @param inVault the tokens that the vault had when the statement began
   */
  insert(
    queue: string,
    { name: run, isFifo }: Run,
    entry: Entry,
    commit: Commit,
    inVault: ReadonlySet<string>,
  ): void {
    const { now } = this.#world.schedule;
    const key = this.ledgerKey(queue, entry);
    const identity = identityOf(queue, entry);
    const idempotency = entry.kind === "row" ? idempotencyKey(queue, entry.idempotency) : undefined;
    const loadedAt = commit.startedAt;
    const { messageId, sentAt = 0 } = entry;
    put(this.ledger, key, { messageId, run, idempotency, sentAt, loadedAt }, commit);
    if (idempotency !== undefined) {
      this.idempotencyKeys.add(idempotency);
      commit.undo.push(() => this.idempotencyKeys.delete(idempotency));
    }
    const sent = this.#world.sent.get(identity);
    this.#world.require(
      !run.startsWith("replay") || this.quarantine.get(identity)?.isReplayed === false,
      () => `a replay loads ${key}, which is not in the quarantine`,
    );
    if (sent === undefined) {
      this.#world.breaks(`a message is written that was never sent: ${identity}`);
      return;
    }
    if (entry.kind === "row") {
      const record = sent.records[entry.record];
      const setup = this.setups.get(run);
      const isDue = record !== undefined && isAccepted(record.fate, setup?.accepts ?? "usual");
      const note = sent.attributes["note"] === "1" ? "1" : null;
      const [id, , , , noted, sentAt] = entry.cells;
      const isOfMessage =
        noted === note && (sent.sentAt === undefined || Date.parse(sentAt ?? "") === sent.sentAt);
      if (!isDue || id !== record.id || !isOfMessage || record.fate === "refused") {
        this.#world.breaks(`the row of ${key} is another`);
        return;
      }
      const token = entry.cells[1] ?? "";
      this.#world.require(
        setup === undefined || keyIdOf(token) === setup.keys[0].keyId,
        () => `the row of ${key} is masked with another key`,
      );
      this.#world.require(
        !entry.cells.some((cell) => cell?.includes(SECRET) === true),
        () => `a raw value is in the row of ${key}`,
      );
      const of = rowKey(identity, entry.record);
      this.#world.require(!this.rows.has(of), () => `the row of ${key} is doubled`);
      const group = `${queue} ${sent.group}`;
      const last = this.#lastOfGroup.get(group) ?? 0;
      if (isFifo && this.lostCommits === 0 && !this.acceptsLater && sent.excused === undefined)
        this.#world.require(
          sent.sequence >= last,
          () => `the row of ${key} comes after a later one of its group`,
        );
      this.#lastOfGroup.set(group, Math.max(last, sent.sequence));
      const row = { queue, run, commit, record, ledgerKey: key, token, place: this.#place() };
      put(this.rows, of, row, commit);
      this.#writers.add(run);
      this.wroteAt.set(keyIdOf(token), now);
      const values = entry.sealed.filter((value) => !inVault.has(value.token));
      this.vault.keep(run, values, commit);
      this.#requireEntry(token);
      if (record.key === undefined || setup?.dedupe === false) return;
      const withKey = this.rowsByKey.get(record.key) ?? [];
      this.#world.require(
        // Another masking key makes another idempotency key of the value, and the ledger does not keep it for ever.
        !withKey.some(
          (other) =>
            other.queue === queue &&
            this.setups.get(other.run)?.keys[0] === setup?.keys[0] &&
            this.ledger.has(other.ledgerKey),
        ),
        () => `a second row has the dedupe value of ${key}`,
      );
      this.rowsByKey.set(record.key, withKey);
      withKey.push(row);
      commit.undo.push(() => withKey.splice(withKey.indexOf(row), 1));
    } else {
      const { rejection } = entry;
      const inClear = [rejection.reasons.join(), Buffer.from(rejection.sealed.bytes).toString("latin1")];
      this.#world.require(
        !inClear.some((text) => text.includes(SECRET)),
        () => `a raw value is in the quarantine: ${key}`,
      );
      const { reasons, records } = rejection;
      this.#world.require(
        records === undefined || new Set(records).size === records.length,
        () => `the quarantine has a record of ${key} twice`,
      );
      this.#world.require(
        !reasons.some((reason) => reason.includes(NO_TABLE)) || this.#writers.has(run),
        () => `a run that wrote no row quarantines ${key}, although the table is at fault`,
      );
      const message = { queue, messageId, sentAt: entry.sentAt };
      const held = { ...message, run, commit, rejection, reasons, records };
      this.#world.require(!this.quarantine.has(identity), () => `the quarantine has ${key} twice`);
      put(this.quarantine, identity, { ...held, quarantinedAt: now, isReplayed: false }, commit);
    }
  }

  /** Most rows are added at the end of the file, and some where there is room before. */
  #place(): number {
    const { random } = this.#world;
    if (this.places > 0 && random.chance(0.1)) return random.integer(0, this.places - 1);
    return this.places++;
  }

  #requireEntry(token: string): void {
    const { isKept, entries, forgotten } = this.vault;
    this.#world.require(
      !isKept || entries.has(token) || forgotten.has(token),
      () => `a row has ${token}, which is not in the vault`,
    );
  }

  /** Gives a row, if it is still there, another token. */
  mask(row: Row, token: string, commit: Commit): void {
    const before = row.token;
    row.token = token;
    commit.undo.push(() => (row.token = before));
    this.#requireEntry(token);
  }

  /** The tokens in the rows. */
  tokens(): Set<string> {
    return new Set([...this.rows.values()].map(({ token }) => token));
  }

  /** Deletes a message of the quarantine. Nobody owes it an outcome then. */
  purge(held: Held, commit: Commit): void {
    const identity = identityOf(held.queue, held);
    const sent = this.#world.sent.get(identity);
    if (!held.isReplayed && sent !== undefined) sent.excused ??= "purged by the operator";
    this.#world.note("quarantine", () => `has ${held.messageId} no more`);
    this.quarantine.delete(identity);
    this.purged.add(held);
    commit.undo.push(() => {
      this.quarantine.set(identity, held);
      this.purged.delete(held);
    });
  }

  /** Deletes what the ledger had for longer than `days`, but of messages that may be replayed. */
  prune(days: number): void {
    const before = this.#world.schedule.now - days * DAY_MS;
    const held = [...this.quarantine.values()].filter(({ isReplayed }) => !isReplayed);
    // Whatever the queue.
    const kept = new Set(held.map(({ messageId, sentAt = 0 }) => `${sentAt} ${messageId}`));
    for (const [key, { messageId, sentAt, loadedAt, idempotency }] of this.ledger) {
      if (sentAt >= before || loadedAt >= before || kept.has(`${sentAt} ${messageId}`)) continue;
      this.ledger.delete(key);
      if (idempotency !== undefined) this.idempotencyKeys.delete(idempotency);
    }
  }
}

/** The queue and the MAC of the values of `dedupe`. */
export function idempotencyKey(queue: string, mac: string | undefined): string | undefined {
  return mac === undefined ? undefined : `idempotency ${queue} ${mac}`;
}

export function rowKey(identity: string, record: number): string {
  return `${identity} ${record}`;
}

function put<K, V>(map: Map<K, V>, key: K, value: V, commit: Commit): void {
  map.set(key, value);
  commit.undo.push(() => map.delete(key));
}
