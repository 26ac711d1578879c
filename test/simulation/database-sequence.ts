// Random calls on the simulated database and on Postgres.
import { expect } from "vitest";
import { keyOf, type Entry } from "../../src/drain/ports.ts";
import { PRUNE_DAYS, RUNS, type BothDatabases, type Call } from "./both-databases.ts";
import { at, rejectionOf, rowOf, type Message } from "./made-entries.ts";
import { Random } from "./random.ts";
import type { Ending } from "./real-database.ts";
import { REFUSED_ID } from "./sent.ts";
import { DAY_MS, rowKey } from "./tables.ts";
import { identityOf } from "./world.ts";

const UNHAPPY_ENDINGS = [
  "is cancelled",
  "is killed",
  "loses its request",
  "loses its client",
  "loses its answer",
] as const satisfies readonly Ending[];

export class DatabaseSequence {
  readonly #both: BothDatabases;
  readonly #random: Random;
  /** That a queue may deliver. */
  #messages: readonly Message[];
  readonly #seed: number;
  #calls = 0;
  #hasPruned = false;
  /** Whether a call was lost: afterwards, the drain would count what it had loaded. */
  #hasLost = false;

  constructor(both: BothDatabases, seed: number) {
    this.#both = both;
    this.#seed = seed;
    this.#random = new Random(seed);
    this.#messages = this.#write();
  }

  async play(): Promise<void> {
    const both = this.#both;
    const random = this.#random;
    const steps = random.integer(4, 14);
    for (let step = 0; step < steps; step += 1) {
      const kind = random.next();
      if (kind < 0.08) await both.refuse(random.pick(["row", "table", undefined, undefined]));
      else if (kind < 0.14) await both.age(random.integer(20, 40));
      else if (kind < 0.25) await this.#together();
      else await both.compare(this.#call());
    }
    await both.compareContent();
    const broken = both.world.broken?.message;
    // A value of `dedupe` is free again when its entry was pruned. No simulated world takes so long.
    if (broken !== undefined && this.#hasPruned) expect(broken, both.context).toContain("dedupe value");
    else {
      expect(broken, both.context).toBeUndefined();
      await this.#deliverPruned();
    }
  }

  #write(): Message[] {
    const random = this.#random;
    const { now } = this.#both.world.schedule;
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
      return this.#both.send({ id, sentAt, records });
    });
  }

  /** A random call. */
  #call(): Call {
    const random = this.#random;
    const kind = random.next();
    const index = random.integer(0, RUNS.length - 1);
    if (kind < 0.5) return this.#both.load(index, this.#entries());
    if (kind < 0.55) return this.#prune(index);
    if (kind < 0.75 || at(this.#both.pages, index).length === 0) return this.#page(index);
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

  #prune(index: number): Call {
    this.#hasPruned = true;
    // A queue has none that is older; of one without a sent time, the ledger does not know it.
    const oldest = this.#both.world.schedule.now - PRUNE_DAYS * DAY_MS;
    this.#messages = this.#messages.filter(({ sentAt = 0 }) => sentAt > oldest);
    return this.#both.prune(index);
  }

  #page(index: number): Call {
    const before = at(this.#both.pages, index);
    const isFirst = this.#random.chance(0.7);
    return this.#both.page(index, isFirst ? undefined : before[this.#random.integer(0, before.length)]);
  }

  /** The replay loads records of messages that it read, which may have left the quarantine since; of `one`, if given. */
  #loadAgain(index: number, one?: Message): Call {
    const random = this.#random;
    const page = at(this.#both.pages, index);
    const some = random.some([...page], random.integer(1, 4));
    const messages = new Set([...page.filter(({ model }) => model.messageId === one?.id), ...some]);
    const records = [...messages].flatMap((held) => {
      const { messageId, sentAt, records: left } = held.model;
      const message = this.#messages.find((each) => each.id === messageId && each.sentAt === sentAt);
      if (message === undefined) return [];
      const rejected = [...message.records.entries()].filter(
        ([record, { fate }]) =>
          left?.includes(record) !== false &&
          (fate === "rejected" || (fate === "refused" && random.chance(0.2))),
      );
      return rejected.map(([record]) => ({ ...held, entry: rowOf(message, record) }));
    });
    return this.#both.loadAgain(index, records);
  }

  #mark(index: number): Call {
    const random = this.#random;
    const marks = random.some([...at(this.#both.pages, index)], 3).map((held) => {
      const records = random.chance(0.5) ? undefined : [random.integer(0, 3), random.integer(0, 3)];
      return { ...held, rejected: records && { records, reasons: ["n: out of range", "id: missing"] } };
    });
    return this.#both.mark(index, marks);
  }

  /** A call whose first row waits, and another that meets it. */
  async #together(): Promise<void> {
    const both = this.#both;
    const random = this.#random;
    // A refusal of all rows may come before the wait or after it.
    const ending =
      both.model.refuses === undefined && !this.#hasLost && random.chance(0.5)
        ? random.pick(UNHAPPY_ENDINGS)
        : "commits";
    this.#hasLost ||= ending !== "commits";
    const isReplay = ending === "commits" && random.chance(0.3);
    const made = both.make(`w${(this.#calls += 1)}`, [isReplay ? "rejected" : "row"]);
    const waits = rowOf(made, 0);
    const entries = this.#entries();
    if (isReplay) await this.#hold(made);
    const all = isReplay ? [] : entries.toSpliced(random.integer(0, entries.length), 0, waits);
    const first = isReplay
      ? this.#loadAgain(0, made)
      : ending === "commits"
        ? both.load(0, all)
        : both.loadByRelay(all);
    const second =
      isReplay && random.chance(0.5)
        ? this.#mark(1)
        : both.load(random.integer(1, 2), random.chance(0.5) ? entries.toReversed() : this.#entries());
    await both.compareTogether(waits, first, second, ending);
  }

  /** Adds the message to the quarantine, and lets two replays read it. */
  async #hold(message: Message): Promise<void> {
    this.#messages = [...this.#messages, message];
    await this.#both.compare(this.#both.load(0, [rejectionOf(message, this.#random)]));
    for (const index of [0, 1]) await this.#both.compare(this.#both.page(index));
  }

  /** A message that is delivered after its entry was pruned, which SQS does not do, is loaded a second time. */
  async #deliverPruned(): Promise<void> {
    const both = this.#both;
    const { model, real, world } = both;
    await both.refuse(undefined);
    for (const message of this.#messages) {
      for (const [record, { fate }] of message.records.entries()) {
        const entry = rowOf(message, record);
        const isPruned = RUNS.every((queue) => !model.ledger.has(model.ledgerKey(queue, entry)));
        const wasLoaded = model.rows.has(rowKey(identityOf(RUNS[0], entry), record));
        if (fate !== "row" || !isPruned || !wasLoaded) continue;
        await both.compare(both.load(0, [entry]));
        const [twice] = await real.sql`
          select 1 from public.events where id = ${entry.cells[0] ?? ""} offset 1`;
        expect(world.broken !== undefined, both.context).toBe(twice !== undefined);
        return;
      }
    }
  }
}
