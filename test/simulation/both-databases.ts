// The simulated database and Postgres, with the same messages and the same calls.
import { expect } from "vitest";
import { LoadError, RowRefused, type Entry, type RowEntry } from "../../src/drain/ports.ts";
import type { QuarantinedMessage } from "../../src/quarantine/message.ts";
import type { PassedRecord, ReplayedMessage, ReplayStore } from "../../src/quarantine/replay.ts";
import { contentOf, contentOfPostgres, shown } from "./database-content.ts";
import { SimulatedDatabase } from "./database.ts";
import type { FaultKind } from "./faults.ts";
import * as simulated from "./loader.ts";
import { at, describeEntries, DRAINING, REPLAYING, type Message } from "./made-entries.ts";
import { QuietWorld } from "./quiet-world.ts";
import type { Ending, RealDatabase } from "./real-database.ts";
import { Life } from "./schedule.ts";
import type { Fate } from "./sent.ts";
import { DAY_MS } from "./tables.ts";
import { identityOf } from "./world.ts";

const MAIN = "arn:aws:sqs:eu-west-1:000000000000:main";
const DEAD = "arn:aws:sqs:eu-west-1:000000000000:dead";
/** The queue of each drain, and of each replay. */
export const RUNS = [MAIN, MAIN, DEAD] as const;
const MOST_ENTRIES = 500;
export const PRUNE_DAYS = 30;

/** What the simulated world plays for it. A backend that is terminated does what a cancelled statement does, and only the error is another. */
const FAULTS: Readonly<Record<Ending, readonly FaultKind[]>> = {
  commits: [],
  "is cancelled": ["statement cancelled"],
  "is killed": ["statement cancelled"],
  "loses its request": ["connection cut before"],
  "loses its client": ["connection cut during"],
  "loses its answer": ["connection cut after"],
};

/** A message of the quarantine, as the model and as Postgres have it. */
export interface HeldByBoth {
  readonly model: QuarantinedMessage;
  readonly real: QuarantinedMessage;
}

/** A call on the model and on Postgres. */
export interface Call {
  readonly name: string;
  readonly model: () => Promise<unknown>;
  readonly real: () => Promise<unknown>;
}

export class BothDatabases {
  readonly real: RealDatabase;
  readonly world: QuietWorld;
  readonly model: SimulatedDatabase;
  /** By the index of the replay: what it read last. */
  readonly pages: (readonly HeldByBoth[])[] = RUNS.map(() => []);
  readonly #drains: readonly simulated.RunLoader[];
  readonly #replays: readonly ReplayStore[];
  readonly #history: string[] = [];
  readonly #seed: number;

  private constructor(real: RealDatabase, seed: number) {
    this.real = real;
    this.#seed = seed;
    this.world = new QuietWorld(seed, Date.now());
    this.model = new SimulatedDatabase(this.world, "none");
    this.#drains = RUNS.map((queue, index) => this.#openDrain(`drain-${index}`, queue));
    this.#replays = RUNS.map((queue, index) => {
      const life = new Life(`replay-${index}`, this.world.schedule);
      this.model.setups.set(life.name, REPLAYING);
      return simulated.openReplay(this.world, this.model, life, queue);
    });
  }

  /** Without any rows. */
  static async start(real: RealDatabase, seed: number): Promise<BothDatabases> {
    await real.clear();
    return new BothDatabases(real, seed);
  }

  #openDrain(name: string, queue: string): simulated.RunLoader {
    const life = new Life(name, this.world.schedule);
    this.model.setups.set(life.name, DRAINING);
    const options = { name: queue, isFifo: false, visibilityTimeout: 30 };
    return simulated.openLoader(
      this.world,
      this.model,
      life,
      { id: queue, options },
      {
        batchSize: MOST_ENTRIES,
        retryForSeconds: Infinity,
      },
    );
  }

  /** What happened so far. */
  get context(): string {
    return [`CHAOS_SEED=${this.#seed}, after:`, ...this.#history].join("\n");
  }

  /** Makes the message known to the world. */
  send(message: Message): Message {
    const { id, sentAt, records } = message;
    for (const queue of new Set(RUNS)) {
      const identity = identityOf(queue, { messageId: id, sentAt });
      this.world.sent.set(identity, {
        ...{ id, sentAt, body: "", attributes: {}, group: "g", sequence: 1, records, whole: undefined },
        ...{ identity, isDeleted: false, excused: undefined },
      });
    }
    return message;
  }

  /** A message with a record for each fate. It has no sent time if it `isTimeless`. */
  make(name: string, fates: readonly Fate[], isTimeless = false): Message {
    const id = `s${this.#seed}${name}`;
    const records = fates.map((fate, record) => ({
      fate,
      id: `${id}.${record}`,
      secret: "",
      key: undefined,
    }));
    return this.send({ id, sentAt: isTimeless ? undefined : Math.floor(this.world.schedule.now), records });
  }

  load(index: number, entries: readonly Entry[]): Call {
    return {
      name: `drain ${index} writes ${describeEntries(entries)}`,
      model: () => at(this.#drains, index).load(entries),
      real: () => at(this.real.drains, index).load(entries),
    };
  }

  /** By the drain that can be lost. It opens once: a second one would count what the first had loaded. */
  loadByRelay(entries: readonly Entry[]): Call {
    return {
      name: `a drain writes ${describeEntries(entries)}`,
      model: () => this.#openDrain("lost", MAIN).load(entries),
      real: () => this.real.relay.drain.load(entries),
    };
  }

  prune(index: number): Call {
    return {
      name: `drain ${index} prunes`,
      model: () => at(this.#drains, index).prune(PRUNE_DAYS),
      real: () => at(this.real.drains, index).prune(PRUNE_DAYS, new AbortController().signal),
    };
  }

  page(index: number, after?: HeldByBoth): Call {
    let [model, real]: (readonly QuarantinedMessage[])[] = [[], []];
    const note = (): void => {
      this.pages[index] = (model ?? []).flatMap((held, place) => {
        const other = real?.[place];
        return other === undefined ? [] : [{ model: held, real: other }];
      });
    };
    return {
      name: `replay ${index} reads the quarantine${after === undefined ? "" : ` after ${after.model.messageId}`}`,
      model: async () => {
        model = await at(this.#replays, index).page(after?.model);
        note();
        return model.map(shown);
      },
      real: async () => {
        real = await at(this.real.replays, index).page(after?.real);
        note();
        return real.map(shown);
      },
    };
  }

  loadAgain(index: number, records: readonly (HeldByBoth & Pick<PassedRecord, "entry">)[]): Call {
    return {
      name: `replay ${index} loads ${describeEntries(records.map(({ entry }) => entry))}`,
      model: () => at(this.#replays, index).load(records.map(({ model, entry }) => ({ held: model, entry }))),
      real: () =>
        at(this.real.replays, index).load(records.map(({ real, entry }) => ({ held: real, entry }))),
    };
  }

  mark(index: number, marks: readonly (HeldByBoth & Pick<ReplayedMessage, "rejected">)[]): Call {
    const names = marks.map(
      ({ model, rejected }) => `${model.messageId} ${rejected?.records.join() ?? "replayed"}`,
    );
    return {
      name: `replay ${index} marks ${names.join("; ")}`,
      model: () =>
        at(this.#replays, index).mark(marks.map(({ model, rejected }) => ({ held: model, rejected }))),
      real: () =>
        at(this.real.replays, index).mark(marks.map(({ real, rejected }) => ({ held: real, rejected }))),
    };
  }

  /** Refuses every row, or none any more. */
  async refuse(why: SimulatedDatabase["refuses"]): Promise<void> {
    this.#history.push(`rows are refused: ${why ?? "no"}`);
    this.model.refuses = why;
    await this.real.refuse(why);
  }

  /** What was loaded so far was loaded many days ago. */
  async age(days: number): Promise<void> {
    this.#history.push(`${days} days pass for the ledger`);
    for (const [key, entry] of this.model.ledger)
      this.model.ledger.set(key, { ...entry, loadedAt: entry.loadedAt - days * DAY_MS });
    await this.real.sql`
      update fetch_etl.ledger set loaded_at = loaded_at - pg_catalog.make_interval(hours => ${24 * days})`;
  }

  async compare({ name, model, real }: Call): Promise<void> {
    this.#history.push(name);
    const expected = await this.world.finish(answerOf(model()));
    expect(await answerOf(real()), this.context).toEqual(expected);
  }

  /** @param waits in the first call, for the second one */
  async compareTogether(waits: RowEntry, first: Call, second: Call, ending: Ending): Promise<void> {
    this.#history.push(`at once: ${first.name}, which waits, and ${ending}; ${second.name}`);
    const expected = await this.modelTogether(first, [second], ending);
    expect(await this.realTogether(waits, first, [second], ending), this.context).toEqual(expected);
  }

  async modelTogether(
    first: Call,
    others: readonly Call[],
    ending: Ending = "commits",
  ): Promise<readonly unknown[]> {
    const { faults } = this.world;
    faults.next("postgres silent", ...FAULTS[ending]);
    const one = answerOf(first.model());
    // Otherwise the second could lose its answer.
    await (ending === "loses its answer" ? this.world.finish(one) : this.world.arrive());
    faults.next();
    const answers = await this.world.finish(
      Promise.all([one, ...others.map(({ model }) => answerOf(model()))]),
    );
    // Also a statement without a client.
    await this.world.settle();
    return ending === "is killed" ? answers.map(asKilled) : answers;
  }

  realTogether(
    waits: RowEntry,
    first: Call,
    others: readonly Call[],
    ending?: Ending,
  ): Promise<readonly unknown[]> {
    const [one, ...more] = [first, ...others].map(
      ({ real }) =>
        () =>
          answerOf(real()),
    );
    if (one === undefined) throw new Error("no call");
    return this.real.together(waits.cells[0] ?? "", one, more, ending);
  }

  async compareContent(): Promise<void> {
    const runs = new Map<string, string>();
    const [real, model] = [await contentOfPostgres(this.real.sql), contentOf(this.model, this.world)];
    const { ledger, ...rest } = real;
    expect(rest, this.context).toEqual({ rows: model.rows, held: model.held });
    expect(
      ledger.map(({ key, idempotency }) => ({ key, idempotency })),
      this.context,
    ).toEqual(model.ledger.map(({ key, idempotency }) => ({ key, idempotency })));
    for (const [place, { run }] of ledger.entries()) {
      const name = model.ledger[place]?.run ?? "";
      expect(runs.get(run) ?? name, this.context).toBe(name);
      runs.set(run, name);
    }
  }
}

/** The result, or the error's class and whom it blames. */
export async function answerOf(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RowRefused) {
      const { of, sqlState } = error.refusal;
      return { error: error.name, of, sqlState };
    }
    if (error instanceof LoadError) return { error: error.name };
    throw error;
  }
}

function asKilled(answer: unknown): unknown {
  const isCancelled =
    typeof answer === "object" &&
    answer !== null &&
    "error" in answer &&
    answer.error === "StatementCancelled";
  return isCancelled ? { error: "DatabaseLost" } : answer;
}
