// What all parts of a simulated world share: time, chance, faults, the messages, and the list of what happened.
import type { SentMessage } from "../../src/drain/ports.ts";
import { Faults } from "./faults.ts";
import { Random } from "./random.ts";
import { Schedule, type Life } from "./schedule.ts";
import type { Sent } from "./sent.ts";

/** A promise of the product that a run broke. */
export class Broken extends Error {
  override readonly name = "Broken";
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

export class World {
  readonly seed: number;
  readonly schedule = new Schedule();
  readonly faults: Faults;
  /** For latencies, orders and times. */
  readonly random: Random;
  /** Every message, by its {@link identityOf}. */
  readonly sent = new Map<string, Sent>();
  /** The first broken promise. */
  broken: Broken | undefined;
  /** The lines of what happened; undefined where nobody reads them. */
  readonly history: string[] | undefined;

  constructor(seed: number, { only, withHistory }: { only?: ReadonlySet<string>; withHistory: boolean }) {
    this.seed = seed;
    this.faults = new Faults(seed, only);
    this.random = new Random(seed, 2);
    this.history = withHistory ? [] : undefined;
  }

  /** Adds a line to the history. */
  note(who: string, what: () => string): void {
    this.history?.push(
      `${(this.schedule.now / 1000).toFixed(3).padStart(10)} s  ${who.padEnd(10)} ${what()}`,
    );
  }

  /** Notes that a promise was broken. The first ends the run. */
  breaks(promise: string): void {
    this.broken ??= new Broken(promise);
    this.note("BROKEN", () => promise);
  }

  require(holds: boolean, promise: () => string): void {
    if (!holds) this.breaks(promise());
  }

  /** Resolves if the process is killed, after `ms()`. */
  mayKill(life: Life, ms: () => number): Promise<"killed"> {
    return new Promise((resolve) => {
      if (!this.faults.play("kill")) return;
      this.schedule.in(ms(), () => {
        if (!life.isAlive) return;
        this.note(life.name, () => "is killed");
        life.kill();
        resolve("killed");
      });
    });
  }

  /** Time for one way of a message between two machines, milliseconds. */
  latency(): number {
    return this.random.chance(0.05) ? this.random.between(20, 400) : this.random.between(0.5, 8);
  }

  /** A time from 1 ms to two minutes; half of them in the first 350 ms. */
  soon(): number {
    return 2 ** this.random.between(0, 17);
  }
}

/** What a message is known by: its id and sent time, or the queue where the server tells no time. */
export function identityOf(
  queueId: string,
  { messageId, sentAt }: Pick<SentMessage, "messageId" | "sentAt">,
): string {
  return `${sentAt ?? queueId} ${messageId}`;
}
