// A simulated world's queues and database, and what happens to them, until everything comes to rest.
import { SimulatedDatabase, type Replication } from "./database.ts";
import { Operator } from "./operator.ts";
import { Processes } from "./processes.ts";
import { checkEnd, isSettled } from "./promises.ts";
import { SimulatedQueue } from "./queue.ts";
import { Author, pickShape, type Shape } from "./sent.ts";
import type { Accepts } from "./setups.ts";
import type { World } from "./world.ts";

const MINUTE_MS = 60_000;
const MOST_DAYS = 13;
/** More than SQS and the ledger keep anything. */
const WEEKS = 6;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** How long a run may take in a world without faults, where no message is hidden. */
const MOST_CALM_MS = 10 * MINUTE_MS;

export class Scene {
  readonly #world: World;
  readonly #shape: Shape;
  readonly #author: Author;
  readonly #database: SimulatedDatabase;
  readonly #queues: readonly SimulatedQueue[];
  readonly #tellsSentTime: boolean;
  readonly #operator: Operator;
  readonly #processes: Processes;
  /** How many days have passed. */
  #days = 0;

  constructor(world: World) {
    const { random } = world;
    this.#world = world;
    this.#shape = pickShape(random);
    this.#author = new Author(random, this.#shape, world.faults.play("large messages"));
    this.#tellsSentTime = random.chance(0.9);
    const replication = random.pick<Replication>([
      "none",
      "none",
      "asynchronous",
      "synchronous",
      "synchronous",
    ]);
    const hasVault = random.chance(0.5);
    this.#database = new SimulatedDatabase(world, replication, hasVault);
    this.#operator = new Operator(world, this.#database, this.#shape);
    this.#processes = new Processes(world, this.#database, this.#shape, this.#operator);
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
        if (sent.excused === "purged by the operator") return;
        if (isSettled(this.#database, sent, (commit) => this.#database.isSafe(commit))) return;
        if (replication === "asynchronous" && this.#database.lostCommits > 0)
          sent.excused ??= "lost in a failover";
        else world.breaks(`${sent.id} is deleted from ${queue.name} before it is committed`);
      };
    }
    this.#database.onFailover = () => {
      for (const sent of world.sent.values()) {
        const isLost = !isSettled(this.#database, sent, () => true);
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
        hasVault,
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
      if (main !== undefined) running.push(this.#processes.drain(main));
      for (let more = 0; more < 3; more += 1) {
        if (faults.play("second drain"))
          running.push(this.#later(() => this.#processes.drain(random.pick(this.#allQueues))));
      }
      if (faults.play("replay")) running.push(this.#later(() => this.#replay()));
      running.push(...this.#operate());
      await Promise.all(running);
      if (this.#days < MOST_DAYS && faults.play("days pass")) await this.#passDays();
    }
    await events;
    await this.#settle();
    await checkEnd(this.#world, this.#database, this.#queues, this.#operator.setup);
  }

  get #allQueues(): [SimulatedQueue, ...SimulatedQueue[]] {
    const [main, ...others] = this.#queues;
    if (main === undefined) throw new Error("a world has a queue");
    return [main, ...others];
  }

  /** A replay, and perhaps a purge beside it. */
  async #replay(): Promise<void> {
    const { faults, random, schedule } = this.#world;
    const accepts = random.pick<Accepts>(["more", "more", "first", "only", "narrow"]);
    const replaying = this.#processes.replay(random.pick(this.#allQueues), accepts);
    if (faults.play("quarantine purge")) {
      await schedule.sleep(2 ** random.between(2, 6));
      await this.#operator.purgeQuarantine();
    }
    await replaying;
  }

  /** What the operator does in a round. */
  #operate(): Promise<void>[] {
    const { faults, random } = this.#world;
    const operator = this.#operator;
    const running: Promise<void>[] = [];
    const plan = (kind: Parameters<typeof faults.play>[0], work: () => void | Promise<void>): void => {
      if (faults.play(kind)) running.push(this.#later(async () => work()));
    };
    const { isKept } = this.#database.vault;
    plan("new key", async () => {
      operator.addKey();
      if (isKept && random.chance(0.5)) await operator.rotate();
    });
    plan("new mapping", () => {
      operator.changeMapping();
    });
    plan("quarantine purge", () => operator.purgeQuarantine());
    if (!isKept) return running;
    if (faults.play("table copied")) operator.copyTable();
    for (let more = 0; more < 2; more += 1) plan("rotate", () => operator.rotate());
    plan("forget", () => operator.forget());
    return running;
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
    plan(2, "sqs away", () => {
      const ms = 2 ** random.between(0, 16);
      for (const queue of this.#queues) queue.goAway(ms);
    });
    plan(2, "restart", () => {
      this.#database.stop(2 ** random.between(0, 16), false);
    });
    plan(2, "failover", () => {
      this.#database.stop(2 ** random.between(0, 16), true);
    });
    plan(1, "table refuses", () => {
      this.#database.refuses = random.pick(["row", "table"]);
      this.#database.acceptsLater = true;
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

  /** SQS keeps a message for 14 days at most. */
  async #passDays(): Promise<void> {
    const days = this.#world.random.integer(1, MOST_DAYS - this.#days);
    this.#days += days;
    this.#world.note("world", () => `${days} days pass`);
    await this.#world.schedule.sleep(days * DAY_MS);
  }

  /** Without faults, drains empty the queues, and each ends in time. */
  async #settle(): Promise<void> {
    const { schedule, faults, random } = this.#world;
    const waits = faults.play("weeks pass");
    const lacksKeys = faults.play("keys missing");
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
        const ending = await this.#processes.drain(queue);
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
    if (waits) {
      this.#world.note("world", () => `${WEEKS} weeks pass`);
      await schedule.sleep(WEEKS * 7 * DAY_MS);
      // Each prunes the ledger.
      for (const queue of this.#queues) await this.#processes.drain(queue);
    }
    if (lacksKeys) for (const queue of this.#queues) await this.#processes.replay(queue, "more", true);
    // What this mapping does not find any more stays in the quarantine, for the next replay.
    if (this.#shape.hasRecords && random.chance(0.3))
      for (const queue of this.#queues)
        await this.#processes.replay(queue, random.pick<Accepts>(["first", "only"]));
    // A replay that was killed leaves loaded records in the quarantine; so does a message that comes again when Postgres no longer refuses
    // its row, or with another mapping. The next replay takes them out.
    const { rotations, hasOtherMapping } = this.#operator;
    if (this.#processes.replays > 0 || hasOtherMapping || faults.wasPlayed("table refuses"))
      for (const queue of this.#queues) await this.#processes.replay(queue);
    if (rotations > 0) await this.#operator.rotate();
  }
}
