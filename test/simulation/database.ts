// Postgres, as the statements of a drain and of a replay meet it: sessions, commits, unique keys that make statements wait, and a standby.
import { DatabaseLost, StatementCancelled, type LoadError } from "../../src/drain/ports.ts";
import { Failure } from "../../src/failure.ts";
import type { Life } from "./schedule.ts";
import { Tables } from "./tables.ts";
import type { Commit, World } from "./world.ts";

export type Replication = "none" | "asynchronous" | "synchronous";

/** What a statement does, once the keys that it writes are its own. */
export type Change<T> =
  | {
      readonly apply: (commit: Commit) => T;
      /** Whether it changes a table. */
      readonly writes: boolean;
    }
  | { readonly error: LoadError | Failure };

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

export class SimulatedDatabase extends Tables {
  readonly replication: Replication;
  /** Why Postgres refuses all rows, for a while. */
  refuses: "row" | "table" | undefined;
  readonly #world: World;
  readonly #commits: Commit[] = [];
  readonly #statements = new Set<Statement>();
  #isDown = false;
  #lastReplicatedAt = 0;

  constructor(world: World, replication: Replication, hasVault = false) {
    super(world, hasVault);
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
   * @param prepare called when they are free: what the statement does, by what it reads now. If it is a promise, nothing else happens before
   *   it resolves.
   */
  run<T>(life: Life, keys: ReadonlySet<string>, prepare: () => Change<T> | Promise<Change<T>>): Promise<T> {
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
          (other) => other !== statement && claimed.has(other) && conflict(other.keys, keys),
        );
        if (blocking !== undefined) {
          blocking.waiters.push(begin);
          if (faults.play("cancelled while it waits")) cancelSoon();
          return;
        }
        claimed.add(statement);
        const prepared = prepare();
        if (!(prepared instanceof Promise)) carryOut(prepared);
        else {
          prepared.then(carryOut, (error: unknown) => {
            over();
            fail(error instanceof Error ? error : new Error("no error", { cause: error }));
          });
        }
      };
      const carryOut = (change: Change<T>): void => {
        if ("error" in change) {
          over();
          fail(change.error);
          return;
        }
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
}

/** The statements that have their keys. */
const claimed = new WeakSet<object>();

/** The lock of the vault that statements with values take, all at once, and the one that keeps them out. */
export const WRITES_VAULT = "vault, row exclusive";
export const LOCKS_VAULT = "vault, share row exclusive";

function conflict(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  for (const key of one) if (key !== WRITES_VAULT && other.has(key)) return true;
  return (
    (one.has(LOCKS_VAULT) && other.has(WRITES_VAULT)) || (one.has(WRITES_VAULT) && other.has(LOCKS_VAULT))
  );
}
