// The simulated database against Postgres: the same random calls, by the product's own code, have the same results and leave the same content.
// The simulated quarantine has smaller pages, so that a replay reads several; a page here has all messages of a sequence.
import { setTimeout } from "node:timers/promises";
import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DatabaseSettings } from "../../src/config/database.ts";
import {
  keyOf,
  LoadError,
  RowRefused,
  WHOLE_MESSAGE,
  type Entry,
  type RowEntry,
} from "../../src/drain/ports.ts";
import { openLoader, type PostgresLoader } from "../../src/postgres/load.ts";
import { openQuarantine, type Quarantine } from "../../src/postgres/quarantine.ts";
import type { QuarantinedMessage } from "../../src/quarantine/message.ts";
import type { ReplayStore } from "../../src/quarantine/replay.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";
import { startPostgresRelay, type PostgresRelay } from "../support/postgres-relay.ts";
import { FULL } from "../chaos/invariant.ts";
import { MODEL_SEED as SEED } from "../chaos/random.ts";
import { SimulatedDatabase } from "./database.ts";
import type { FaultKind } from "./faults.ts";
import * as simulated from "./loader.ts";
import { QuietWorld } from "./quiet-world.ts";
import { Random } from "./random.ts";
import { Life } from "./schedule.ts";
import { REFUSED_ID, type SentRecord } from "./sent.ts";
import { setupOf } from "./setups.ts";
import { identityOf } from "./world.ts";

const SEQUENCES = FULL ? 2000 : 30;
const DAY_MS = 24 * 3600 * 1000;
const PRUNE_DAYS = 30;
const QUEUES = [
  "arn:aws:sqs:eu-west-1:000000000000:main",
  "arn:aws:sqs:eu-west-1:000000000000:dead",
] as const;
const [MAIN, DEAD] = QUEUES;
/** The queue of each drain, and of each replay. */
const RUNS = [MAIN, MAIN, DEAD];
const MOST_ENTRIES = 500;

/** SQLSTATE by what refuses a row: a value out of range, or a table that is missing. */
const SQL_STATES = { row: "22003", table: "42P01" } as const;

const SHAPE = { hasRecords: false, hasDedupe: true };
const DRAINING = setupOf(SHAPE, "usual", true, 1);
const REPLAYING = setupOf(SHAPE, "more", true, 1);
const TOKEN = `h1.${DRAINING.keys[0].keyId}.token`;

let databases: Databases;
let database: Database;
let settings: DatabaseSettings;
let drains: readonly PostgresLoader[];
let quarantines: readonly Quarantine[];
let replays: readonly ReplayStore[];
let relay: Relay;

beforeAll(async () => {
  databases = await openDatabases();
  database = await databases.make();
  const { columns } = DRAINING.mapping;
  settings = { ...database.settings, table: { schema: "public", name: "events" }, columns, hasKeys: true };
  drains = await Promise.all(RUNS.map((queue) => openLoader(settings, queue)));
  quarantines = await Promise.all(RUNS.map(() => openQuarantine(settings)));
  replays = await Promise.all(
    quarantines.map((quarantine, index) => quarantine.openReplay(undefined, RUNS[index])),
  );
  relay = await startRelay(settings);
  // What a row waits for, and why it is refused.
  await database.sql.unsafe(`
    create table public.obstacle (held pg_catalog.text, refused pg_catalog.text);
    insert into public.obstacle default values;
    create function public.meet() returns trigger language plpgsql security definer as $$
      declare met public.obstacle;
      begin
        select * into met from public.obstacle;
        if met.held = new.id then perform pg_advisory_xact_lock_shared(1); end if;
        if met.refused is not null then raise exception using errcode = met.refused; end if;
        return new;
      end $$;
    create trigger meets before insert on public.events for each row execute procedure public.meet()`);
});

afterAll(async () => {
  for (const each of [...drains, relay.drain, ...quarantines]) await each.close();
  await relay.stop();
  await databases.dispose();
});

describe("the simulated database", () => {
  it.each(Array.from({ length: 5 }, (_, part) => part))(
    `answers as Postgres does, and has the same rows in the end (CHAOS_SEED=${SEED}, part %i)`,
    async (part) => {
      for (let index = part; index < SEQUENCES; index += 5) await new Sequence(SEED + index).play();
    },
    FULL ? 3_600_000 : undefined,
  );
});

describe("Postgres differs from the simulated database:", () => {
  it("a statement that waits holds the keys that it has; the simulated one waits without any", async () => {
    const sequence = new Sequence(SEED);
    await clear();
    const [held, one, two] = [sequence.makeRow("b"), sequence.makeRow("a"), sequence.makeRow("c")];
    // In the order of their ids, the second has the first one's key last, and the third one's first.
    const first = sequence.load(0, [held]);
    const others = [sequence.load(1, [one, held]), sequence.load(2, [one, two])];
    await database.sql`update public.obstacle set held = ${held.cells[0] ?? ""}`;
    const counts = (loaded: number, duplicates: number): object => ({ loaded, duplicates, quarantined: 0 });
    expect(await realTogether(first, others)).toEqual([counts(1, 0), counts(1, 1), counts(1, 1)]);
    expect(await sequence.modelTogether(first, others)).toEqual([counts(1, 0), counts(0, 2), counts(2, 0)]);
  });

  it("a table that is missing also refuses statements without rows; the simulated one refuses rows", async () => {
    const sequence = new Sequence(SEED);
    await clear();
    sequence.model.refuses = "table";
    const load = sequence.load(0, [sequence.makeRejection("a")]);
    await database.sql`alter table public.events rename to gone`;
    expect(await answerOf(load.real())).toEqual({ error: "RowRefused", of: "table", sqlState: "42P01" });
    await database.sql`alter table public.gone rename to events`;
    expect(await sequence.world.finish(load.model())).toEqual({ loaded: 0, quarantined: 1, duplicates: 0 });
  });

  it("the quarantine refuses a message that it had before the ledger was pruned; in the simulation, that breaks a promise", async () => {
    const sequence = new Sequence(SEED);
    await clear();
    const load = sequence.load(0, [sequence.makeRejection("a")]);
    for (const { real, model } of [load]) await Promise.all([real(), sequence.world.finish(model())]);
    await database.sql`delete from fetch_etl.ledger`;
    sequence.model.ledger.clear();
    expect(await answerOf(load.real())).toEqual({ error: "RowRefused", of: "row", sqlState: "23505" });
    await sequence.world.finish(load.model());
    expect(sequence.world.broken?.message).toMatch(/^the quarantine has .* twice$/);
  });
});

interface Message {
  readonly id: string;
  readonly sentAt: number | undefined;
  readonly records: readonly SentRecord[];
}

/** A call on the model and on Postgres. */
interface Call {
  readonly name: string;
  readonly model: () => Promise<unknown>;
  readonly real: () => Promise<unknown>;
}

/** A message of the quarantine, as the model and as Postgres have it. */
type HeldByBoth = readonly [QuarantinedMessage, QuarantinedMessage];

/** What becomes of the first of several calls at once, while the others wait for it. */
type Ending =
  "commits" | "is cancelled" | "is killed" | "loses its request" | "loses its client" | "loses its answer";

const UNHAPPY_ENDINGS = [
  "is cancelled",
  "is killed",
  "loses its request",
  "loses its client",
  "loses its answer",
] as const satisfies readonly Ending[];

/** What the simulated world plays for it. A backend that is terminated does what a cancelled statement does, and only the error is another. */
const FAULTS: Readonly<Record<Ending, readonly FaultKind[]>> = {
  commits: [],
  "is cancelled": ["statement cancelled"],
  "is killed": ["statement cancelled"],
  "loses its request": ["connection cut before"],
  "loses its client": ["connection cut during"],
  "loses its answer": ["connection cut after"],
};

class Sequence {
  readonly #random: Random;
  readonly world: QuietWorld;
  readonly model: SimulatedDatabase;
  readonly #drains: readonly simulated.RunLoader[];
  readonly #replays: readonly ReplayStore[];
  /** That a queue may deliver. */
  #messages: readonly Message[];
  /** By the index of the replay: what it read last, by the model and by Postgres. */
  readonly #pages: (readonly HeldByBoth[])[] = RUNS.map(() => []);
  readonly #history: string[] = [];
  readonly #seed: number;
  #calls = 0;
  #hasPruned = false;
  /** Whether a call was lost: afterwards, the drain would count what it had loaded. */
  #hasLost = false;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new Random(seed);
    this.world = new QuietWorld(seed, Date.now());
    this.model = new SimulatedDatabase(this.world, "none");
    this.#drains = RUNS.map((queue, index) => this.#openDrain(`drain-${index}`, queue));
    this.#replays = RUNS.map((queue, index) => {
      const life = new Life(`replay-${index}`, this.world.schedule);
      this.model.setups.set(life.name, REPLAYING);
      return simulated.openReplay(this.world, this.model, life, queue);
    });
    this.#messages = this.#write();
  }

  makeRow(name: string): RowEntry {
    return rowOf(this.#make(name, "row"), 0);
  }

  makeRejection(name: string): Entry {
    return rejectionOf(this.#make(name, "rejected"), this.#random);
  }

  /** A message of one record. */
  #make(name: string, fate: SentRecord["fate"]): Message {
    const id = `s${this.#seed}${name}`;
    const records = [{ fate, id: `${id}.0`, secret: "", key: undefined }];
    return this.#send({ id, sentAt: Math.floor(this.world.schedule.now), records });
  }

  async play(): Promise<void> {
    await clear();
    const random = this.#random;
    const steps = random.integer(4, 14);
    for (let step = 0; step < steps; step += 1) {
      const kind = random.next();
      if (kind < 0.08) await this.#refuse();
      else if (kind < 0.14) await this.#age();
      else if (kind < 0.25) await this.#together();
      else await this.#compare(this.#call());
    }
    await this.#compareContent();
    const broken = this.world.broken?.message;
    // A value of `dedupe` is free again when its entry was pruned. No simulated world takes so long.
    if (broken !== undefined && this.#hasPruned) expect(broken, this.#context()).toContain("dedupe value");
    else {
      expect(broken, this.#context()).toBeUndefined();
      await this.#deliverPruned();
    }
  }

  #openDrain(name: string, queue: string): simulated.RunLoader {
    const life = new Life(name, this.world.schedule);
    this.model.setups.set(life.name, DRAINING);
    const options = { name: queue, isFifo: false, visibilityTimeout: 30 };
    return simulated.openLoader(this.world, this.model, life, { id: queue, options }, MOST_ENTRIES);
  }

  #write(): Message[] {
    const random = this.#random;
    const { now } = this.world.schedule;
    const [hasDedupe, hasRecords] = [random.chance(0.5), random.chance(0.5)];
    const ids = Array.from({ length: random.integer(2, 6) }, (_, index) => `s${this.#seed}m${index}`);
    // A message that moves to the dead-letter queue of a FIFO queue keeps its id, and gets a new sent time.
    if (random.chance(0.2)) ids.push(`s${this.#seed}m0`);
    return ids.map((id, place) => {
      const age = random.pick([0, 0, 1, 1, 10, 40]);
      const isFirst = ids.indexOf(id) === place;
      const sentAt = isFirst && random.chance(0.15) ? undefined : Math.floor(now - age * DAY_MS) - place;
      const records = Array.from({ length: hasRecords ? random.integer(1, 4) : 1 }, (_, index) => {
        const fate = random.pick(["row", "row", "row", "rejected", "refused"] as const);
        const name = `${id}.${place}.${index}`;
        return {
          ...{ fate, secret: "" },
          id: fate === "refused" ? `${REFUSED_ID} ${name}` : name,
          key: hasDedupe && random.chance(0.7) ? `k${random.integer(1, 4)}` : undefined,
        };
      });
      return this.#send({ id, sentAt, records });
    });
  }

  /** Makes the message known to the world. */
  #send(message: Message): Message {
    const { id, sentAt, records } = message;
    for (const queue of QUEUES) {
      const identity = identityOf(queue, { messageId: id, sentAt });
      this.world.sent.set(identity, {
        ...{ id, sentAt, body: "", group: "g", sequence: 1, records, whole: undefined },
        ...{ identity, isDeleted: false, excused: undefined },
      });
    }
    return message;
  }

  /** A random call. */
  #call(): Call {
    const random = this.#random;
    const kind = random.next();
    const index = random.integer(0, RUNS.length - 1);
    if (kind < 0.5) return this.load(index, this.#entries());
    if (kind < 0.55) return this.#prune(index);
    if (kind < 0.75 || at(this.#pages, index).length === 0) return this.#page(index);
    return kind < 0.86 ? this.#loadAgain(index) : this.#mark(index);
  }

  #entries(): Entry[] {
    const random = this.#random;
    const all = this.#messages.flatMap((message) => [
      ...message.records.flatMap(({ fate }, record) =>
        fate === "row" || (fate === "refused" && random.chance(0.2)) ? [rowOf(message, record)] : [],
      ),
      ...(message.records.some(({ fate }) => fate !== "row") ? [rejectionOf(message, random)] : []),
    ]);
    const entries = random.some(all, random.integer(1, 6));
    return [...new Map(entries.map((entry) => [keyOf(entry), entry])).values()];
  }

  load(index: number, entries: readonly Entry[]): Call {
    return {
      name: `drain ${index} writes ${describeEntries(entries)}`,
      model: () => at(this.#drains, index).load(entries),
      real: () => at(drains, index).load(entries),
    };
  }

  #prune(index: number): Call {
    this.#hasPruned = true;
    // A queue has none that is older; of one without a sent time, the ledger does not know it.
    const oldest = this.world.schedule.now - PRUNE_DAYS * DAY_MS;
    this.#messages = this.#messages.filter(({ sentAt = 0 }) => sentAt > oldest);
    return {
      name: `drain ${index} prunes`,
      model: () => at(this.#drains, index).prune(PRUNE_DAYS),
      real: () => at(drains, index).prune(PRUNE_DAYS, new AbortController().signal),
    };
  }

  #page(index: number): Call {
    const before = at(this.#pages, index);
    const isFirst = this.#random.chance(0.7);
    return this.#pageAfter(index, isFirst ? undefined : before[this.#random.integer(0, before.length)]);
  }

  #pageAfter(index: number, after?: HeldByBoth): Call {
    let [model, real]: (readonly QuarantinedMessage[])[] = [[], []];
    const note = (): void => {
      this.#pages[index] = (model ?? []).flatMap((held, place) => {
        const other = real?.[place];
        return other === undefined ? [] : [[held, other] as const];
      });
    };
    return {
      name: `replay ${index} reads the quarantine${after === undefined ? "" : ` after ${after[0].messageId}`}`,
      model: async () => {
        model = await at(this.#replays, index).page(after?.[0]);
        note();
        return model.map(shown);
      },
      real: async () => {
        real = await at(replays, index).page(after?.[1]);
        note();
        return real.map(shown);
      },
    };
  }

  /** The replay loads records of messages that it read, which may have left the quarantine since; of `one`, if given. */
  #loadAgain(index: number, one?: Message): Call {
    const random = this.#random;
    const page = at(this.#pages, index);
    const some = random.some([...page], random.integer(1, 4));
    const pairs = new Set([...page.filter(([{ messageId }]) => messageId === one?.id), ...some]);
    const records = [...pairs].flatMap(([model, real]) => {
      const message = this.#messages.find(
        ({ id, sentAt }) => id === model.messageId && sentAt === model.sentAt,
      );
      const rejected = [...(message?.records.entries() ?? [])].filter(
        ([record, { fate }]) =>
          model.records?.includes(record) !== false &&
          (fate === "rejected" || (fate === "refused" && random.chance(0.2))),
      );
      return rejected.flatMap(([record]) =>
        message === undefined ? [] : [{ model, real, entry: rowOf(message, record) }],
      );
    });
    return {
      name: `replay ${index} loads ${describeEntries(records.map(({ entry }) => entry))}`,
      model: () => at(this.#replays, index).load(records.map(({ model, entry }) => ({ held: model, entry }))),
      real: () => at(replays, index).load(records.map(({ real, entry }) => ({ held: real, entry }))),
    };
  }

  #mark(index: number): Call {
    const random = this.#random;
    const marks = random.some([...at(this.#pages, index)], 3).map(([model, real]) => {
      const records = random.chance(0.5) ? undefined : [random.integer(0, 3), random.integer(0, 3)];
      return { model, real, rejected: records && { records, reasons: ["n: out of range", "id: missing"] } };
    });
    return {
      name: `replay ${index} marks ${marks.map(({ model, rejected }) => `${model.messageId} ${rejected?.records.join() ?? "replayed"}`).join("; ")}`,
      model: () =>
        at(this.#replays, index).mark(marks.map(({ model, rejected }) => ({ held: model, rejected }))),
      real: () => at(replays, index).mark(marks.map(({ real, rejected }) => ({ held: real, rejected }))),
    };
  }

  /** Refuses every row, or none any more. */
  async #refuse(): Promise<void> {
    const why = this.#random.pick(["row", "table", undefined, undefined] as const);
    this.#note(`rows are refused: ${why ?? "no"}`);
    this.model.refuses = why;
    await database.sql`update public.obstacle set refused = ${why === undefined ? null : SQL_STATES[why]}`;
  }

  /** What was loaded so far was loaded many days ago. */
  async #age(): Promise<void> {
    const days = this.#random.integer(20, 40);
    this.#note(`${days} days pass for the ledger`);
    for (const [key, entry] of this.model.ledger)
      this.model.ledger.set(key, { ...entry, loadedAt: entry.loadedAt - days * DAY_MS });
    await database.sql`
      update fetch_etl.ledger set loaded_at = loaded_at - pg_catalog.make_interval(hours => ${24 * days})`;
  }

  #note(line: string): void {
    this.#history.push(line);
  }

  #context(): string {
    return [`CHAOS_SEED=${this.#seed}, after:`, ...this.#history].join("\n");
  }

  async #compare({ name, model, real }: Call): Promise<void> {
    this.#note(name);
    const expected = await this.world.finish(answerOf(model()));
    expect(await answerOf(real()), this.#context()).toEqual(expected);
  }

  /** A call whose first row waits, and others that meet it. */
  async #together(): Promise<void> {
    const random = this.#random;
    // A refusal of all rows may come before the wait or after it.
    const ending =
      this.model.refuses === undefined && !this.#hasLost && random.chance(0.5)
        ? random.pick(UNHAPPY_ENDINGS)
        : "commits";
    this.#hasLost ||= ending !== "commits";
    const isReplay = ending === "commits" && random.chance(0.3);
    const made = this.#make(`w${(this.#calls += 1)}`, isReplay ? "rejected" : "row");
    const waits = rowOf(made, 0);
    const entries = this.#entries();
    let first: Call;
    if (isReplay) {
      await this.#hold(made);
      first = this.#loadAgain(0, made);
    } else {
      const all = entries.toSpliced(random.integer(0, entries.length), 0, waits);
      first =
        ending === "commits"
          ? this.load(0, all)
          : {
              name: `a drain writes ${describeEntries(all)}`,
              model: () => this.#openDrain("lost", MAIN).load(all),
              real: () => relay.drain.load(all),
            };
    }
    const second =
      isReplay && random.chance(0.5)
        ? this.#mark(1)
        : this.load(random.integer(1, 2), random.chance(0.5) ? entries.toReversed() : this.#entries());
    this.#note(`at once: ${first.name}, which waits, and ${ending}; ${second.name}`);
    const expected = await this.modelTogether(first, [second], ending);
    await database.sql`update public.obstacle set held = ${waits.cells[0] ?? ""}`;
    const answers = await realTogether(first, [second], ending);
    expect(answers, this.#context()).toEqual(expected);
  }

  /** Adds the message to the quarantine, and lets two replays read it. */
  async #hold(message: Message): Promise<void> {
    this.#messages = [...this.#messages, message];
    await this.#compare(this.load(0, [rejectionOf(message, this.#random)]));
    for (const index of [0, 1]) await this.#compare(this.#pageAfter(index));
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

  async #compareContent(): Promise<void> {
    const runs = new Map<string, string>();
    const [real, model] = [await contentOfPostgres(), contentOf(this.model, this.world)];
    const { ledger, ...rest } = real;
    expect(rest, this.#context()).toEqual({ rows: model.rows, held: model.held });
    expect(
      ledger.map(({ key, idempotency }) => ({ key, idempotency })),
      this.#context(),
    ).toEqual(model.ledger.map(({ key, idempotency }) => ({ key, idempotency })));
    for (const [place, { run }] of ledger.entries()) {
      const name = model.ledger[place]?.run ?? "";
      expect(runs.get(run) ?? name, this.#context()).toBe(name);
      runs.set(run, name);
    }
  }

  /** A message that is delivered after its entry was pruned, which SQS does not do, is loaded a second time. */
  async #deliverPruned(): Promise<void> {
    const { ledger, rows } = this.model;
    this.model.refuses = undefined;
    await database.sql`update public.obstacle set refused = null`;
    for (const message of this.#messages) {
      for (const [record, { fate }] of message.records.entries()) {
        const entry = rowOf(message, record);
        const isPruned = QUEUES.every((queue) => !ledger.has(this.model.ledgerKey(queue, entry)));
        const identity = identityOf(MAIN, { messageId: message.id, sentAt: message.sentAt });
        if (fate !== "row" || !isPruned || !rows.has(`${identity} ${record}`)) continue;
        await this.#compare(this.load(0, [entry]));
        const [twice] =
          await database.sql`select 1 from public.events where id = ${entry.cells[0] ?? ""} offset 1`;
        expect(this.world.broken !== undefined, this.#context()).toBe(twice !== undefined);
        return;
      }
    }
  }
}

async function clear(): Promise<void> {
  await database.sql
    .unsafe(`delete from public.events; delete from fetch_etl.ledger; delete from fetch_etl.quarantine;
    update public.obstacle set held = null, refused = null`);
}

async function realTogether(
  first: Pick<Call, "real">,
  others: readonly Pick<Call, "real">[],
  ending: Ending = "commits",
): Promise<readonly unknown[]> {
  const { sql } = database;
  await sql`select pg_advisory_lock(1)`;
  const pending = new Set<Promise<unknown>>();
  const start = async ({ real }: Pick<Call, "real">): Promise<() => Promise<unknown>> => {
    const answer = answerOf(real());
    pending.add(answer);
    void answer.finally(() => pending.delete(answer));
    // Until each call is answered or waits.
    for (;;) {
      await setTimeout(1);
      const [waiting] = await sql<{ sessions: number }[]>`
        select count(*)::integer as sessions from pg_stat_activity
        where datname = current_database() and backend_type = 'client backend' and wait_event_type = 'Lock'`;
      if (waiting?.sessions === pending.size) return () => answer;
    }
  };
  const idle = async (): Promise<void> => {
    for (;;) {
      const [busy] = await sql`
        select 1 from pg_stat_activity
        where datname = current_database() and backend_type = 'client backend' and state <> 'idle'
          and pid <> pg_backend_pid()`;
      if (busy === undefined) return;
      await setTimeout(1);
    }
  };
  const held = sql`select pid from pg_stat_activity where datname = current_database() and wait_event = 'advisory'`;
  relay.isBroken = ending === "loses its request";
  const one = await start(first);
  if (ending === "is killed") {
    await sql`select pg_terminate_backend(pid) from (${held}) as held`;
    await one();
  }
  const meeting: (() => Promise<unknown>)[] = [];
  for (const other of others) meeting.push(await start(other));
  if (ending === "is cancelled") await sql`select pg_cancel_backend(pid) from (${held}) as held`;
  if (ending === "loses its client") relay.cut();
  if (ending === "loses its answer") relay.isDeaf = true;
  await sql`select pg_advisory_unlock(1)`;
  // Also a statement without a client.
  await idle();
  if (relay.isDeaf) relay.cut();
  relay.isDeaf = relay.isBroken = false;
  return Promise.all([one, ...meeting].map((answer) => answer()));
}

/** The result, or the error's class and whom it blames. */
async function answerOf(work: Promise<unknown>): Promise<unknown> {
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

interface Relay extends PostgresRelay {
  /** A drain that connects by it. */
  readonly drain: PostgresLoader;
  /** Whether connections break when a client sends something. */
  isBroken: boolean;
  /** Whether no client gets what the server sends. */
  isDeaf: boolean;
  cut(): void;
}

/** A way to the server on which a client can get lost. */
async function startRelay(to: DatabaseSettings): Promise<Relay> {
  const opened = await startPostgresRelay(
    `postgres://${to.host}:${to.port}/${to.database}`,
    (client: Socket, upstream: Socket) => {
      client.on("data", (bytes) => {
        if (state.isBroken) client.destroy();
        else upstream.write(bytes);
      });
      client.on("error", () => undefined).on("close", () => upstream.destroy());
      upstream.on("error", () => undefined).on("close", () => client.destroy());
      upstream.on("data", (bytes) => {
        if (!state.isDeaf) client.write(bytes);
      });
    },
  );
  const state = { isBroken: false, isDeaf: false };
  const drain = await openLoader({ ...to, port: Number(new URL(opened.url).port) }, MAIN);
  return Object.assign(state, opened, {
    drain,
    cut: () => {
      for (const client of opened.clients) client.destroy();
    },
  });
}

function rowOf({ id, sentAt, records }: Message, record: number): RowEntry {
  const { fate, id: cell, key } = at(records, record);
  return {
    ...{ kind: "row", messageId: id, sentAt, record, bodyMac: "00".repeat(16), sealed: [] },
    cells: [cell, TOKEN, fate === "refused" ? "99999999999" : "1"],
    idempotency: key === undefined ? undefined : Buffer.from(key).toString("hex"),
  };
}

function rejectionOf({ id, sentAt, records }: Message, random: Random): Entry {
  const rejected = [...records.entries()].flatMap(([index, { fate }]) => (fate === "row" ? [] : [index]));
  const some = random
    .some([...rejected], random.integer(1, rejected.length))
    .sort((one, other) => one - other);
  return {
    ...{ kind: "rejection", messageId: id, sentAt, record: WHOLE_MESSAGE, bodyMac: "00".repeat(16) },
    rejection: {
      reasons: [`n: of ${some.join()}`],
      ...(random.chance(0.3) ? {} : { records: some }),
      sealed: { keyId: "AAAAAAAA", bytes: Buffer.from(`sealed ${id} ${some.join()}`) },
    },
  };
}

function describeEntries(entries: readonly Entry[]): string {
  return entries
    .map((entry) => {
      const what =
        entry.kind === "row"
          ? `row ${entry.cells[0] ?? ""} ${Buffer.from(entry.idempotency ?? "", "hex").toString()}`
          : `rejects ${entry.rejection.records?.join() ?? "all"}`;
      return `${keyOf(entry)} of ${entry.sentAt ?? "?"} (${what.trim()})`;
    })
    .join(", ");
}

/** A message of the quarantine without what must differ. */
function shown({ queue, messageId, sentAt, reasons, records, body }: QuarantinedMessage): object {
  return { queue, messageId, sentAt, reasons, records, body: { keyId: body.keyId, bytes: [...body.bytes] } };
}

interface Content {
  readonly ledger: readonly {
    readonly key: string;
    readonly idempotency: string | undefined;
    readonly run: string;
  }[];
  /** The first cell of each row. */
  readonly rows: readonly string[];
  readonly held: readonly object[];
}

function contentOf(model: SimulatedDatabase, world: QuietWorld): Content {
  const rows = [...model.rows.keys()].map((key) => {
    const at = key.lastIndexOf(" ");
    return world.sent.get(key.slice(0, at))?.records[Number(key.slice(at))]?.id ?? key;
  });
  return {
    ledger: [...model.ledger].map(([key, { idempotency, run }]) => ({ key, idempotency, run })).sort(byKey),
    rows: rows.sort(),
    held: [...model.quarantine.values()]
      .map((held) => ({
        ...shown({ ...held, storedSentAt: "", body: held.rejection.sealed }),
        isReplayed: held.isReplayed,
      }))
      .sort(byText),
  };
}

async function contentOfPostgres(): Promise<Content> {
  const { sql } = database;
  const ledger = await sql<
    { queue: string; sent: Date; id: string; record: number; run: string; mac: Buffer | null }[]
  >`
    select queue, sent_at as sent, message_id as id, record, run_id as run, idempotency as mac from fetch_etl.ledger`;
  const rows = await sql<{ id: string }[]>`select id from public.events`;
  const held = await sql<
    {
      queue: string;
      messageId: string;
      sent: Date;
      reasons: string[];
      records: number[] | null;
      keyId: string;
      sealed: Buffer;
      isReplayed: boolean;
    }[]
  >`
    select queue, message_id as "messageId", sent_at as sent, reasons, records, key_id as "keyId", sealed,
           replayed_at is not null as "isReplayed"
    from fetch_etl.quarantine`;
  const sentAt = (sent: Date): number | undefined => (sent.getTime() === 0 ? undefined : sent.getTime());
  return {
    ledger: ledger
      .map(({ queue, sent, id: messageId, record, run, mac }) => ({
        key: `${identityOf(queue, { messageId, sentAt: sentAt(sent) })} ${record}`,
        idempotency: mac === null ? undefined : `idempotency ${queue} ${mac.toString("hex")}`,
        run,
      }))
      .sort(byKey),
    rows: rows.map(({ id }) => id).sort(),
    held: held
      .map(({ sent, records, keyId, sealed, isReplayed, ...rest }) => ({
        ...shown({
          ...{ ...rest, sentAt: sentAt(sent), storedSentAt: "", quarantinedAt: 0 },
          ...{ records: records ?? undefined, body: { keyId, bytes: sealed } },
        }),
        isReplayed,
      }))
      .sort(byText),
  };
}

function byKey({ key: one }: { key: string }, { key: other }: { key: string }): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function byText(one: object, other: object): number {
  return byKey({ key: JSON.stringify(one) }, { key: JSON.stringify(other) });
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`nothing at ${index}`);
  return item;
}
