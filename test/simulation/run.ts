// One seed: a world of queues and a database, the drains and replays that work in it, and whether they kept the promises.
import type { DrainReport } from "../../src/drain/report.ts";
import type { DrainSettings } from "../../src/drain/settings.ts";
import { newCounts } from "../../src/drain/counts.ts";
import { createEntryMaker } from "../../src/drain/entry.ts";
import { drain } from "../../src/drain/loop.ts";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { explain } from "../../src/explain.ts";
import { createBodyOpener } from "../../src/quarantine/message.ts";
import { replay } from "../../src/quarantine/replay.ts";
import { SimulatedDatabase, type Replication } from "./database.ts";
import { openLoader, openReplay } from "./loader.ts";
import { checkEnd, checkReport, isSettled } from "./promises.ts";
import { SimulatedQueue } from "./queue.ts";
import { Life } from "./schedule.ts";
import { Author, KEYS, pickShape, plansOf, SECRET, type Shape } from "./sent.ts";
import { World } from "./world.ts";

export interface Outcome {
  readonly seed: number;
  /** The promise that was broken; undefined where all were kept. */
  readonly broken: string | undefined;
  /** The faults that happened. */
  readonly played: readonly string[];
  readonly history: readonly string[];
  readonly messages: number;
  readonly steps: number;
  /** Messages that nobody owes an outcome: see `Sent.excused`. */
  readonly lostInFailover: number;
}

export interface Options {
  /** Allows no other faults than these. */
  readonly only?: ReadonlySet<string>;
  readonly withHistory?: boolean;
}

/** Runs one seed. */
export async function simulate(seed: number, { only, withHistory = false }: Options = {}): Promise<Outcome> {
  const world = new World(seed, { ...(only === undefined ? {} : { only }), withHistory });
  const scene = new Scene(world);
  const state = { isOver: false };
  const unexpected = (error: unknown): void => {
    world.breaks(
      `an unexpected error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  };
  const playing = scene
    .play()
    .catch(unexpected)
    .finally(() => {
      state.isOver = true;
    });
  try {
    await world.schedule.run(() => state.isOver || world.broken !== undefined);
    if (!state.isOver && world.broken === undefined)
      world.breaks("a run waits for something that never happens");
  } catch (error) {
    unexpected(error);
  }
  if (state.isOver) await playing;
  return {
    seed,
    broken: world.broken?.message,
    played: world.faults.played,
    history: world.history ?? [],
    messages: world.sent.size,
    steps: world.schedule.steps,
    lostInFailover: [...world.sent.values()].filter(({ excused }) => excused === "lost in a failover").length,
  };
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** How long a run may take after a signal or at its time limit, milliseconds: its periods of grace. */
const MOST_GRACE_MS = 35_000;
/** The part of `--retry-for` after which a run may give up: the next pause may be as long as all before. */
const LEAST_PATIENCE = 0.4;
/** How long a run may take in a world without faults, where no message is hidden. */
const MOST_CALM_MS = 10 * MINUTE_MS;

/** What a process came to. */
type Ending = "killed" | "failed" | DrainReport;

class Scene {
  readonly #world: World;
  readonly #shape: Shape;
  readonly #author: Author;
  readonly #database: SimulatedDatabase;
  readonly #queues: readonly SimulatedQueue[];
  readonly #tellsSentTime: boolean;
  readonly #retryForSeconds: number;
  #drains = 0;
  #replays = 0;

  constructor(world: World) {
    const { random } = world;
    this.#world = world;
    this.#shape = pickShape(random);
    this.#author = new Author(random, this.#shape);
    this.#tellsSentTime = random.chance(0.9);
    this.#retryForSeconds = random.pick([2, 10, 30]);
    const replication = random.pick<Replication>([
      "none",
      "none",
      "asynchronous",
      "synchronous",
      "synchronous",
    ]);
    this.#database = new SimulatedDatabase(world, replication);
    const isFifo = random.chance(0.15);
    const visibilityTimeout = random.pick([2, 2, 5, 10, 30, 120]);
    const common = { isFifo, visibilityTimeout };
    const deadLetters = random.chance(0.5)
      ? new SimulatedQueue(world, { name: "dead", ...common })
      : undefined;
    const maxReceiveCount = random.integer(2, 6);
    const main = new SimulatedQueue(world, {
      name: "main",
      ...common,
      ...(deadLetters === undefined ? {} : { maxReceiveCount, deadLetters }),
    });
    const other = random.chance(0.3) ? [new SimulatedQueue(world, { name: "other", ...common })] : [];
    this.#queues = [main, ...(deadLetters === undefined ? [] : [deadLetters]), ...other];
    for (const queue of this.#queues) {
      queue.onDelete = (sent) => {
        if (isSettled(this.#database, queue.id, sent, (commit) => this.#database.isSafe(commit))) return;
        if (replication === "asynchronous" && this.#database.lostCommits > 0)
          sent.excused ??= "lost in a failover";
        else world.breaks(`${sent.id} is deleted from ${queue.name} before it is committed`);
      };
    }
    this.#database.onFailover = () => {
      for (const sent of world.sent.values()) {
        const isLost = !this.#queues.some(({ id }) => isSettled(this.#database, id, sent, () => true));
        if (sent.isDeleted && isLost && sent.excused === undefined) {
          world.require(
            replication === "asynchronous",
            () => `a failover loses ${sent.id}, which was deleted`,
          );
          sent.excused = "lost in a failover";
        }
      }
    };
    world.note("world", () =>
      JSON.stringify({
        ...this.#shape,
        replication,
        ...common,
        maxReceiveCount,
        queues: this.#queues.map(({ name }) => name),
      }),
    );
  }

  async play(): Promise<void> {
    const { faults, random } = this.#world;
    const count = random.pick([0, 1, 5, 12, 20, 30, 60, 100, 200]);
    for (let index = 0; index < count; index += 1) this.#send();
    const events = this.#startEvents();
    const rounds = random.integer(1, 3);
    for (let round = 0; round < rounds; round += 1) {
      const [main] = this.#queues;
      const running: Promise<unknown>[] = [];
      if (main !== undefined) running.push(this.#drain(main));
      for (let more = 0; more < 3; more += 1) {
        if (faults.play("second drain"))
          running.push(this.#later(() => this.#drain(random.pick(this.#allQueues))));
      }
      if (faults.play("replay")) running.push(this.#later(() => this.#replay()));
      await Promise.all(running);
      if (faults.play("days pass")) await this.#passDays();
    }
    await events;
    await this.#settle();
    checkEnd(this.#world, this.#database, this.#queues);
  }

  get #allQueues(): [SimulatedQueue, ...SimulatedQueue[]] {
    const [main, ...others] = this.#queues;
    if (main === undefined) throw new Error("a world has a queue");
    return [main, ...others];
  }

  async #later<T>(work: () => Promise<T>): Promise<T> {
    await this.#world.schedule.sleep(this.#world.soon());
    return work();
  }

  #send(): void {
    const { random, schedule } = this.#world;
    const queue = random.chance(0.8) ? this.#allQueues[0] : random.pick(this.#allQueues);
    queue.send(this.#author.write(this.#tellsSentTime ? Math.floor(schedule.now) + 1 : undefined));
  }

  /** What happens in the world at some time. */
  async #startEvents(): Promise<void> {
    const { faults, random, schedule } = this.#world;
    const events: Promise<void>[] = [];
    const plan = (times: number, kind: Parameters<typeof faults.play>[0], event: () => void): void => {
      for (let time = 0; time < times; time += 1) {
        const at = this.#world.soon();
        if (faults.play(kind)) events.push(schedule.sleep(at).then(event));
      }
    };
    plan(2, "restart", () => {
      this.#database.stop(2 ** random.between(0, 16), false);
    });
    plan(2, "failover", () => {
      this.#database.stop(2 ** random.between(0, 16), true);
    });
    plan(1, "table refuses", () => {
      this.#database.refuses = random.pick(["row", "table"]);
      this.#world.note("postgres", () => `refuses every row: ${this.#database.refuses ?? ""}`);
      schedule.in(2 ** random.between(0, 16), () => {
        this.#world.note("postgres", () => "accepts rows again");
        this.#database.refuses = undefined;
      });
    });
    plan(1, "purge", () => {
      random.pick(this.#allQueues).purge();
    });
    plan(2, "move task", () => {
      const [main, dead] = this.#queues;
      if (main !== undefined && dead?.name === "dead")
        dead.moveTo(main, this.#tellsSentTime ? Math.floor(schedule.now) + 1 : undefined);
    });
    plan(10, "late arrival", () => {
      this.#send();
    });
    await Promise.all(events);
  }

  /** At most as long as SQS keeps a message. */
  async #passDays(): Promise<void> {
    const days = this.#world.random.integer(1, 13);
    this.#world.note("world", () => `${days} days pass`);
    await this.#world.schedule.sleep(days * DAY_MS);
  }

  /** One process that drains a queue. */
  async #drain(queue: SimulatedQueue): Promise<Ending> {
    const world = this.#world;
    const { random, faults, schedule } = world;
    const life = new Life(`drain-${(this.#drains += 1)}`, schedule);
    const stop = new AbortController();
    const settings = this.#settings(queue);
    const { queue: port, told } = queue.connect(life, settings.onReject === "quarantine");
    const loader = openLoader(world, this.#database, life, queue, settings.batchSize);
    world.note(life.name, () => `drains ${queue.name}: ${JSON.stringify(settings)}`);
    const started = schedule.now;
    const counts = newCounts();
    let stoppedAt = Infinity;
    if (faults.play("stop")) {
      life.after(world.soon(), () => {
        world.note(life.name, () => "gets a signal");
        stoppedAt = schedule.now;
        stop.abort();
      });
    }
    for (let times = 0; times < 2; times += 1) {
      if (!faults.play("suspend")) continue;
      const [ms, stopsClock] = [random.between(100, 200_000), random.chance(0.5)];
      life.after(world.soon(), () => {
        world.note(life.name, () => `is suspended for ${Math.round(ms)} ms`);
        life.suspend(ms, stopsClock);
      });
    }
    const killed = new Promise<"killed">((resolve) => {
      if (!faults.play("kill")) return;
      schedule.in(world.soon(), () => {
        if (!life.isAlive) return;
        world.note(life.name, () => "is killed");
        life.kill();
        resolve("killed");
      });
    });
    const entries = createEntryMaker({
      ...{ plan: plansOf(this.#shape).drain, keys: KEYS, queueId: queue.id, queueName: queue.name, now: 0 },
      randomBytes: (length) => random.bytes(length),
    });
    const warn = (line: string): void => {
      world.require(!line.includes(SECRET), () => `a raw value is in a warning: ${line}`);
    };
    const parts = {
      queue: port,
      loader,
      entries,
      clock: life,
      random: () => random.next(),
      stop: stop.signal,
    };
    const lostBefore = this.#database.lostCommits;
    const checkTime = (): void => {
      if (life.wasSuspended) return;
      const end = Math.min(stoppedAt, started + (settings.maxSeconds ?? Infinity) * 1000) + MOST_GRACE_MS;
      world.require(schedule.now <= end, () => `${life.name} ends ${schedule.now - end} ms too late`);
    };
    const work = async (): Promise<Ending> => {
      try {
        const report = await drain(settings, { ...parts, counts, notices: { warn } });
        world.note(life.name, () => `ends: ${JSON.stringify({ ...report, invalid: undefined })}`);
        const held = queue.heldBy(life);
        const ended = {
          name: life.name,
          report,
          told,
          loader,
          settings,
          held,
          wasStopped: stop.signal.aborted,
        };
        const isWhole = lostBefore === this.#database.lostCommits;
        checkReport(
          world,
          { ...ended, wasSuspended: life.wasSuspended },
          isWhole ? this.#database : undefined,
          this.#shape,
        );
        checkTime();
        if (!stop.signal.aborted && !report.databaseSilent) await loader.prune(30).catch(() => undefined);
        return report;
      } catch (error) {
        const { code, sentence } = explain(error);
        if (code === EXIT.unexpected) throw error;
        world.require(!sentence.includes(SECRET), () => "a raw value is in a failure");
        world.note(life.name, () => `fails: ${sentence}`);
        if (code === EXIT.unavailable && !loader.wasCancelled() && settings.maxSeconds === undefined) {
          const triedFor = schedule.now - Math.min(told.failedAt, loader.failedAt());
          world.require(
            triedFor >= LEAST_PATIENCE * settings.retryForSeconds * 1000,
            () => `${life.name} gives up after ${triedFor} ms`,
          );
        }
        checkTime();
        return "failed";
      } finally {
        life.kill();
      }
    };
    return Promise.race([work(), killed]);
  }

  #settings(queue: SimulatedQueue): DrainSettings {
    const { random, faults } = this.#world;
    const leaves = queue.options.maxReceiveCount !== undefined && random.chance(0.5) && faults.areOn;
    return {
      concurrency: random.pick([1, 2, 4, 8, 32]),
      batchSize: random.pick([1, 3, 10, 50, 500]),
      maxMessages: faults.areOn && random.chance(0.3) ? random.integer(1, 100) : undefined,
      maxSeconds: faults.areOn && random.chance(0.15) ? random.integer(1, 60) : undefined,
      retryForSeconds: this.#retryForSeconds,
      onReject: leaves ? "leave" : "quarantine",
    };
  }

  /** One process that replays the quarantine of a queue with a mapping that accepts more. */
  async #replay(queue: SimulatedQueue = this.#world.random.pick(this.#allQueues)): Promise<void> {
    const world = this.#world;
    const { schedule, faults, random } = world;
    const life = new Life(`replay-${(this.#replays += 1)}`, schedule);
    world.note(life.name, () => `replays the quarantine of ${queue.name}`);
    const killed = new Promise<void>((resolve) => {
      if (!faults.play("kill")) return;
      schedule.in(2 ** random.between(0, 10), () => {
        if (!life.isAlive) return;
        world.note(life.name, () => "is killed");
        life.kill();
        resolve();
      });
    });
    const store = openReplay(world, this.#database, life, queue.id);
    const settings = {
      plan: plansOf(this.#shape).replay,
      keys: KEYS,
      randomBytes: (length: number) => random.bytes(length),
    };
    const work = replay(store, createBodyOpener([KEYS]), settings)
      .then(
        (report) => {
          world.note(
            life.name,
            () => `ends: ${JSON.stringify({ ...report, missingKeys: report.missingKeys.size })}`,
          );
          const rows = [...this.#database.rows.values()].filter(({ run }) => run === life.name).length;
          if (this.#database.lostCommits === 0)
            world.require(
              report.loaded === rows,
              () => `${life.name} says it loaded ${report.loaded}, and loaded ${rows}`,
            );
        },
        (error: unknown) => {
          const { code, sentence } = explain(error);
          if (code === EXIT.unexpected) throw error;
          world.note(life.name, () => `fails: ${sentence}`);
        },
      )
      .finally(() => {
        life.kill();
      });
    return Promise.race([work, killed]);
  }

  /** Without faults, drains empty the queues, and each ends in time. */
  async #settle(): Promise<void> {
    const { schedule, faults } = this.#world;
    faults.areOn = false;
    this.#world.note("world", () => "no more faults");
    this.#database.refuses = undefined;
    // The longest statement ends within an hour.
    await schedule.sleep(2 * HOUR_MS);
    for (let round = 0; round < 5; round += 1) {
      const left = this.#queues.filter(({ size }) => size > 0);
      if (left.length === 0) break;
      const quietAt = Math.max(...left.map((queue) => queue.quietAt));
      await schedule.sleep(Math.max(0, quietAt - schedule.now));
      for (const queue of left) {
        const began = schedule.now;
        const ending = await this.#drain(queue);
        this.#world.require(
          typeof ending === "object",
          () => `a drain of ${queue.name} fails without a fault`,
        );
        this.#world.require(
          schedule.now - began < MOST_CALM_MS,
          () => `a drain of ${queue.name} takes ${schedule.now - began} ms`,
        );
      }
    }
    // A replay that was killed leaves loaded records in the quarantine; so does a message that comes again when Postgres no longer refuses
    // its row. The next replay takes them out.
    if (this.#replays > 0 || faults.played.some((fault) => fault.startsWith("table refuses")))
      for (const queue of this.#queues) await this.#replay(queue);
  }
}
