// Postgres, as the statements of a drain and of a replay meet it: sessions, commits, unique keys that make statements wait, and a standby.
import {
  DatabaseLost,
  StatementCancelled,
  type Entry,
  type LoadError,
  type Rejection,
} from "../../src/drain/ports.ts";
import { Failure } from "../../src/failure.ts";
import type { Life } from "./schedule.ts";
import { SECRET } from "./sent.ts";
import { identityOf, type World } from "./world.ts";

export type Replication = "none" | "asynchronous" | "synchronous";

/** What writes. */
export interface Run {
  readonly name: string;
  /** Whether it must write the rows of a message group in their order. */
  readonly isFifo: boolean;
}

/** A transaction that committed. */
export interface Commit {
  /** When its statement began: what Postgres's `now()` is in all of it. */
  readonly startedAt: number;
  /** When the standby has it. */
  readonly replicatedAt: number;
  /** Takes back what it did, newest first. */
  readonly undo: (() => void)[];
}

interface LedgerEntry {
  readonly run: string;
  /** Undefined in an entry without one. */
  readonly idempotency: string | undefined;
  readonly sentAt: number;
  readonly loadedAt: number;
}

export interface Row {
  readonly run: string;
  readonly commit: Commit;
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

/** What a statement does, once the keys that it writes are its own. */
export type Change<T> =
  | {
      readonly apply: (commit: Commit) => T;
      /** Whether it changes a table. */
      readonly writes: boolean;
    }
  | { readonly error: LoadError };

interface Statement {
  readonly keys: ReadonlySet<string>;
  /** Whether it committed, and waits for the standby. */
  isCommitted: boolean;
  /** The server has gone. */
  readonly crash: () => void;
  readonly waiters: (() => void)[];
}

const LOST = new Failure("unavailable", "Postgres is away.");
const lost = (): DatabaseLost => new DatabaseLost(LOST);

const DAY_MS = 24 * 3600 * 1000;

export class SimulatedDatabase {
  readonly replication: Replication;
  /** Why Postgres refuses all rows, for a while. */
  refuses: "row" | "table" | undefined;
  /** Whether it did: a refused row that was not quarantined before the run was killed may be accepted after later ones. */
  hasRefused = false;
  /** By {@link ledgerKey}. */
  readonly ledger = new Map<string, LedgerEntry>();
  /** The entries of the ledger that have an idempotency key, by this key. */
  readonly idempotencyKeys = new Set<string>();
  /** By {@link rowKey}. */
  readonly rows = new Map<string, Row>();
  /** By the queue and the value of `dedupe`. */
  readonly rowsByKey = new Map<string, Row>();
  /** By the message's identity. */
  readonly quarantine = new Map<string, Held>();
  /** Commits that a failover lost. */
  lostCommits = 0;
  /** The highest place in the queue of a message group's rows. */
  readonly #lastOfGroup = new Map<string, number>();
  readonly #world: World;
  readonly #commits: Commit[] = [];
  readonly #statements = new Set<Statement>();
  #isDown = false;
  #lastReplicatedAt = 0;

  constructor(world: World, replication: Replication) {
    this.#world = world;
    this.replication = replication;
  }

  /** The server stops, and is back after `ms`; in a failover, as the standby was. */
  stop(ms: number, isFailover: boolean): void {
    const { schedule } = this.#world;
    this.#world.note("postgres", () => `${isFailover ? "fails over" : "restarts"}, ${Math.round(ms)} ms`);
    this.#isDown = true;
    for (const statement of [...this.#statements]) statement.crash();
    if (isFailover && this.replication !== "none") {
      const kept = this.#commits.filter(({ replicatedAt }) => replicatedAt <= schedule.now);
      const gone = this.#commits.filter(({ replicatedAt }) => replicatedAt > schedule.now);
      this.#world.note("postgres", () => `loses ${gone.length} commits`);
      for (const { undo } of gone.toReversed()) for (const each of undo.toReversed()) each();
      this.#commits.splice(0, this.#commits.length, ...kept);
      this.#lastReplicatedAt = schedule.now;
      this.lostCommits += gone.filter(({ undo }) => undo.length > 0).length;
      this.onFailover();
    }
    schedule.in(ms, () => {
      this.#isDown = false;
    });
  }

  /** Called after commits were lost. */
  onFailover: () => void = () => undefined;

  /** Whether no failover can lose the commit, as far as the server promises it. */
  isSafe(commit: Commit): boolean {
    return this.replication !== "synchronous" || commit.replicatedAt <= this.#world.schedule.now;
  }

  /**
   * One statement that is one commit.
   *
   * @param keys unique keys and locks: the statement waits until no other statement has one of them
   * @param prepare called when they are free: what the statement does
   */
  run<T>(life: Life, keys: ReadonlySet<string>, prepare: () => Change<T>): Promise<T> {
    const { schedule, faults, random } = this.#world;
    return new Promise((resolve, reject) => {
      let isConnected = true;
      const answer = (tell: () => void): void => {
        if (!isConnected) return;
        isConnected = false;
        life.after(this.#world.latency(), tell);
      };
      const fail = (error: Error): void => {
        answer(() => {
          this.#world.note(life.name, () => `was told by postgres: ${error.name}`);
          reject(error);
        });
      };
      const statement: Statement = {
        keys,
        isCommitted: false,
        waiters: [],
        crash: () => {
          fail(lost());
          if (statement.isCommitted) finish();
          else over();
        },
      };
      let finish = (): void => undefined;
      let isOver = false;
      const over = (): void => {
        isOver = true;
        this.#statements.delete(statement);
        for (const wake of statement.waiters.splice(0)) wake();
      };
      const cancelSoon = (): void => {
        schedule.in(random.between(0, 2000), () => {
          if (isOver || statement.isCommitted) return;
          over();
          fail(new StatementCancelled(new Failure("unavailable", "Cancelled.")));
        });
      };
      const begin = (): void => {
        if (isOver) return;
        const blocking = [...this.#statements].find(
          (other) => other !== statement && intersects(other.keys, keys) && claimed.has(other),
        );
        if (blocking !== undefined) {
          blocking.waiters.push(begin);
          if (faults.play("cancelled while it waits")) cancelSoon();
          return;
        }
        const change = prepare();
        if ("error" in change) {
          over();
          fail(change.error);
          return;
        }
        claimed.add(statement);
        const slow = faults.play("postgres silent")
          ? 3_600_000
          : faults.play("statement slow")
            ? random.between(1000, 90_000)
            : 0;
        schedule.in(this.#world.latency() + slow, () => {
          if (!isOver) commit(change);
        });
      };
      let startedAt = 0;
      const commit = (change: Exclude<Change<T>, { error: unknown }>): void => {
        // Also a statement that changes nothing waits until the standby has what it saw.
        const waits = this.replication === "synchronous";
        const replicatedAt = this.#replicatedAt();
        const done: Commit = { startedAt, replicatedAt, undo: [] };
        const isLost = faults.play("connection cut after");
        statement.isCommitted = true;
        finish = () => {
          finish = () => undefined;
          this.#commits.push(done);
          const result = change.apply(done);
          over();
          if (isLost) fail(lost());
          else {
            answer(() => {
              resolve(result);
            });
          }
        };
        if (!waits) {
          finish();
          return;
        }
        schedule.at(replicatedAt, () => {
          finish();
        });
        if (faults.play("standby wait cancelled")) {
          schedule.in(random.between(0, 500), () => {
            if (isOver) return;
            fail(lost());
            finish();
          });
        }
      };
      schedule.in(this.#world.latency(), () => {
        startedAt = schedule.now;
        this.#statements.add(statement);
        if (this.#isDown || faults.play("connection cut before")) {
          over();
          fail(lost());
          return;
        }
        if (faults.play("statement cancelled")) cancelSoon();
        if (faults.play("connection cut during"))
          schedule.in(random.between(0, 50), () => {
            fail(lost());
          });
        begin();
      });
    });
  }

  /** When the standby has a commit of now: it has all earlier ones then. */
  #replicatedAt(): number {
    const { schedule, faults, random } = this.#world;
    const lag = faults.play("standby slow") ? random.between(100, 60_000) : random.between(0.2, 5);
    this.#lastReplicatedAt = Math.max(this.#lastReplicatedAt, schedule.now + lag);
    return this.#lastReplicatedAt;
  }

  ledgerKey(queue: string, entry: Pick<Entry, "messageId" | "sentAt" | "record">): string {
    return `${identityOf(queue, entry)} ${entry.record}`;
  }

  /** Adds an entry to the ledger, and its row or its message in the quarantine. */
  insert(queue: string, { name: run, isFifo }: Run, entry: Entry, commit: Commit): void {
    const { now } = this.#world.schedule;
    const key = this.ledgerKey(queue, entry);
    const identity = identityOf(queue, entry);
    const idempotency = entry.kind === "row" ? idempotencyKey(queue, entry.idempotency) : undefined;
    const loadedAt = commit.startedAt;
    put(this.ledger, key, { run, idempotency, sentAt: entry.sentAt ?? 0, loadedAt }, commit);
    if (idempotency !== undefined) {
      this.idempotencyKeys.add(idempotency);
      commit.undo.push(() => this.idempotencyKeys.delete(idempotency));
    }
    const sent = this.#world.sent.get(identity);
    if (sent === undefined) {
      this.#world.breaks(`a message is written that was never sent: ${identity}`);
      return;
    }
    if (entry.kind === "row") {
      const record = sent.records[entry.record];
      const isDue = record?.fate === "row" || (record?.fate === "rejected" && run.startsWith("replay"));
      this.#world.require(isDue && entry.cells[0] === record.id, () => `the row of ${key} is another`);
      this.#world.require(
        !entry.cells.some((cell) => cell?.includes(SECRET) === true),
        () => `a raw value is in the row of ${key}`,
      );
      const of = rowKey(identity, entry.record);
      this.#world.require(!this.rows.has(of), () => `the row of ${key} is doubled`);
      const group = `${queue} ${sent.group}`;
      const last = this.#lastOfGroup.get(group) ?? 0;
      if (isFifo && this.lostCommits === 0 && !this.hasRefused && sent.excused === undefined)
        this.#world.require(
          sent.sequence >= last,
          () => `the row of ${key} comes after a later one of its group`,
        );
      this.#lastOfGroup.set(group, Math.max(last, sent.sequence));
      const row = { run, commit };
      put(this.rows, of, row, commit);
      if (record?.key === undefined) return;
      const byKey = `${queue} ${record.key}`;
      this.#world.require(!this.rowsByKey.has(byKey), () => `a second row has the dedupe value of ${key}`);
      put(this.rowsByKey, byKey, row, commit);
    } else {
      const { rejection } = entry;
      const inClear = [rejection.reasons.join(), Buffer.from(rejection.sealed.bytes).toString("latin1")];
      this.#world.require(
        !inClear.some((text) => text.includes(SECRET)),
        () => `a raw value is in the quarantine: ${key}`,
      );
      const { messageId, sentAt } = entry;
      const { reasons, records } = rejection;
      const held = { queue, messageId, sentAt, run, commit, rejection, reasons, records };
      this.#world.require(!this.quarantine.has(identity), () => `the quarantine has ${key} twice`);
      put(this.quarantine, identity, { ...held, quarantinedAt: now, isReplayed: false }, commit);
    }
  }

  /** Deletes what the ledger had for longer than `days`, but of messages that may be replayed. */
  prune(days: number): void {
    const before = this.#world.schedule.now - days * DAY_MS;
    for (const [key, { sentAt, loadedAt, idempotency }] of this.ledger) {
      if (sentAt >= before || loadedAt >= before) continue;
      if (this.quarantine.get(key.slice(0, key.lastIndexOf(" ")))?.isReplayed === false) continue;
      this.ledger.delete(key);
      if (idempotency !== undefined) this.idempotencyKeys.delete(idempotency);
    }
  }
}

/** The statements that have their keys. */
const claimed = new WeakSet<object>();

/** The queue and the MAC of the values of `dedupe`. */
export function idempotencyKey(queue: string, mac: string | undefined): string | undefined {
  return mac === undefined ? undefined : `idempotency ${queue} ${mac}`;
}

export function rowKey(identity: string, record: number): string {
  return `${identity} ${record}`;
}

function intersects(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  for (const key of one) if (other.has(key)) return true;
  return false;
}

function put<K, V>(map: Map<K, V>, key: K, value: V, commit: Commit): void {
  map.set(key, value);
  commit.undo.push(() => map.delete(key));
}
