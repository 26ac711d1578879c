// The processes of a simulated world: drains and replays, with the product's code, which are stopped, suspended and killed.
import { EXIT } from "../../src/cli/exit-codes.ts";
import { createEntryMaker } from "../../src/drain/entry.ts";
import { drain } from "../../src/drain/loop.ts";
import { Outages } from "../../src/drain/outages.ts";
import type { DrainReport } from "../../src/drain/report.ts";
import type { DrainSettings } from "../../src/drain/settings.ts";
import { explain } from "../../src/explain.ts";
import { createBodyOpener, type QuarantinedMessage } from "../../src/quarantine/message.ts";
import { replay, type ReplaySettings, type ReplayStore } from "../../src/quarantine/replay.ts";
import type { SimulatedDatabase } from "./database.ts";
import { openLoader, openReplay } from "./loader.ts";
import { checkReport } from "./promises.ts";
import type { SimulatedQueue } from "./queue.ts";
import { connect } from "./queue-port.ts";
import type { Operator } from "./operator.ts";
import { LEAST_PATIENCE } from "./outages.ts";
import { Life } from "./schedule.ts";
import { SECRET, type Sent, type SentRecord, type Shape } from "./sent.ts";
import { isSkipped, type Accepts, type Setup } from "./setups.ts";
import { rowKey } from "./tables.ts";
import { identityOf, type World } from "./world.ts";

/** How long a run may take after a signal or at its time limit, milliseconds: its periods of grace. */
const MOST_GRACE_MS = 35_000;
/** What a process came to. */
type Ending = "killed" | "failed" | DrainReport;

export class Processes {
  /** How many replays were started. */
  replays = 0;
  readonly #world: World;
  readonly #database: SimulatedDatabase;
  readonly #shape: Shape;
  readonly #operator: Operator;
  readonly #retryForSeconds: number;
  #drains = 0;

  constructor(world: World, database: SimulatedDatabase, shape: Shape, operator: Operator) {
    this.#world = world;
    this.#database = database;
    this.#shape = shape;
    this.#operator = operator;
    this.#retryForSeconds = world.random.pick([2, 10, 30]);
  }

  /** One process that drains a queue. */
  async drain(queue: SimulatedQueue): Promise<Ending> {
    const world = this.#world;
    const { random, faults, schedule } = world;
    const life = new Life(`drain-${(this.#drains += 1)}`, schedule);
    const stop = new AbortController();
    const settings = this.#settings(queue);
    const { retryForSeconds, onReject } = settings;
    const { queue: port, told } = connect(world, queue, life, {
      isKept: onReject === "quarantine",
      retryForSeconds,
    });
    const loader = openLoader(world, this.#database, life, queue, settings);
    world.note(life.name, () => `drains ${queue.name}: ${JSON.stringify(settings)}`);
    const started = schedule.now;
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
    const killed = world.mayKill(life, () => world.soon());
    const setup = this.#operator.setup;
    const entries = createEntryMaker({
      ...this.#entrySettings(life, setup),
      ...{ queueId: queue.id, queueName: queue.name, now: 0 },
    });
    const warn = (line: string): void => {
      world.require(!line.includes(SECRET), () => `a raw value is in a warning: ${line}`);
    };
    const outages = new Outages(life, { lasts: () => undefined, ended: () => undefined });
    const began = life.now();
    const parts = {
      queue: outages.queue(port),
      loader: outages.loader(loader),
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
        const report = await drain(settings, { ...parts, notices: { warn } });
        world.note(life.name, () => `ends: ${JSON.stringify({ ...report, invalid: undefined })}`);
        const ended = {
          ...{ name: life.name, report, told, loader, settings, held: queue.heldBy(life) },
          ...{ waited: outages.waited, took: life.now() - began },
          accepts: setup.accepts,
          ...{ wasStopped: stop.signal.aborted, wasSuspended: life.wasSuspended },
        };
        const isWhole = lostBefore === this.#database.lostCommits;
        checkReport(world, ended, isWhole ? this.#database : undefined, this.#shape);
        checkTime();
        if (!stop.signal.aborted && !report.databaseSilent) await loader.prune(30).catch(() => undefined);
        return report;
      } catch (error) {
        const { code, sentence } = explain(error);
        if (code === EXIT.unexpected) throw error;
        world.require(!sentence.includes(SECRET), () => "a raw value is in a failure");
        world.note(life.name, () => `fails: ${sentence}`);
        world.require(
          code !== EXIT.configuration || (faults.wasPlayed("table refuses") && loader.blamesTable()),
          () => `${life.name} fails as if the table were the cause`,
        );
        const held = queue.heldBy(life);
        // The messages of a FIFO queue are released in order, by one call after another.
        const isReleasing = queue.options.isFifo && told.releasing > 0;
        if (onReject === "quarantine" && !life.wasSuspended)
          world.require(
            (held.length <= told.unreleased || isReleasing) && (told.waiting === 0 || loader.isBusy()),
            () => `${life.name} fails and holds ${held.join(" ")} and ${told.waiting} answers`,
          );
        if (code === EXIT.unavailable && !loader.wasCancelled() && settings.maxSeconds === undefined) {
          const triedFor = Math.max(told.outages.longest, loader.outages.longest);
          world.require(
            triedFor >= LEAST_PATIENCE * retryForSeconds * 1000,
            () => `${life.name} gives up after ${Math.round(triedFor)} ms`,
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

  /** One process that replays the quarantine of a queue; sometimes with the mapping of the drains, and not the one that `accepts` names. */
  async replay(
    queue: SimulatedQueue,
    accepts: Accepts = "more",
    lacksKeys = this.#world.faults.play("keys missing"),
  ): Promise<void> {
    const world = this.#world;
    const { schedule, faults, random } = world;
    const life = new Life(`replay-${(this.replays += 1)}`, schedule);
    world.note(life.name, () => `replays the quarantine of ${queue.name}`);
    const killed = world.mayKill(life, () => 2 ** random.between(0, 10));
    const store = openReplay(world, this.#database, life, queue.id);
    /** What it has read and not marked as replayed, and what it cannot open. */
    const staying = new Set<QuarantinedMessage>();
    const closed = new Set<string>();
    let skipped = 0;
    const lostBefore = this.#database.lostCommits;
    const noting: ReplayStore = {
      ...store,
      page: async (after) => {
        const page = await store.page(after);
        for (const held of page) {
          if (keys.some(({ keyId }) => keyId === held.body.keyId)) staying.add(held);
          else closed.add(identityOf(held.queue, held));
        }
        return page;
      },
      mark: (messages) => {
        for (const { held, rejected } of messages) {
          if (rejected === undefined) staying.delete(held);
          else if (this.#database.lostCommits === lostBefore) this.#requireProgress(life, held);
          for (const key of skippedOf(held, world.sent.get(identityOf(held.queue, held)), setup.accepts)) {
            skipped += 1;
            this.#database.skipped.add(key);
          }
        }
        return store.mark(messages);
      },
    };
    const isUsual = faults.areOn && random.chance(0.3);
    const setup = isUsual ? this.#operator.setup : this.#operator.setupThat(accepts);
    const settings = this.#entrySettings(life, setup);
    const { length } = setup.keys;
    const keys = lacksKeys ? random.some([...setup.keys], random.integer(0, length - 1)) : setup.keys;
    const work = replay(noting, createBodyOpener(keys), settings)
      .then(
        (report) => {
          world.note(
            life.name,
            () => `ends: ${JSON.stringify({ ...report, missingKeys: report.missingKeys.size })}`,
          );
          world.require(
            report.altered.length === 0,
            () => `${life.name} cannot open what drains have sealed`,
          );
          const unopened = [...report.missingKeys.values()].reduce((sum, count) => sum + count, 0);
          world.require(
            unopened === closed.size,
            () => `${life.name} says it has no key for ${unopened}, and has none for ${closed.size}`,
          );
          world.require(
            report.rejected === staying.size,
            () => `${life.name} says it rejected ${report.rejected}, and left ${staying.size}`,
          );
          world.require(
            report.skipped === skipped,
            () => `${life.name} says it skipped ${report.skipped}, and skipped ${skipped}`,
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
    await Promise.race([work, killed]);
  }

  /** A replay changes what is held of a message only if it has loaded some of that. */
  #requireProgress(life: Life, held: QuarantinedMessage): void {
    const { quarantine, rows, rowsByKey } = this.#database;
    const identity = identityOf(held.queue, held);
    // Purged, or replayed by another.
    if (quarantine.get(identity)?.isReplayed !== false) return;
    const isLoaded = ({ key }: SentRecord, index: number): boolean =>
      held.records?.includes(index) !== false &&
      (rows.has(rowKey(identity, index)) || (key !== undefined && rowsByKey.has(key)));
    this.#world.require(
      this.#world.sent.get(identity)?.records.some(isLoaded) === true,
      () => `${life.name} marks ${held.messageId}, of which it has loaded nothing`,
    );
  }

  #entrySettings(life: Life, setup: Setup): ReplaySettings {
    this.#database.setups.set(life.name, setup);
    return {
      ...{ plan: setup.plan, keys: setup.keys[0], sealer: this.#database.vault.sealerOf(life.name) },
      randomBytes: (length) => this.#world.random.bytes(length),
    };
  }
}

/** The keys of the records that are held and that the mapping skips. */
function skippedOf({ records }: QuarantinedMessage, sent: Sent | undefined, accepts: Accepts): string[] {
  const isHeld = (index: number): boolean => records?.includes(index) !== false;
  return (sent?.records ?? []).flatMap(({ fate }, index) =>
    isSkipped(fate, accepts) && isHeld(index) ? [rowKey(sent?.identity ?? "", index)] : [],
  );
}
