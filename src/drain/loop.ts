// The drain: pollers, a bounded buffer, a writer, deletes after the commit, and a clean end.
import { setMaxListeners } from "node:events";
import { throwFirst } from "../failure.ts";
import { MAX_BATCH } from "./batches.ts";
import { Signal } from "./signal.ts";
import { BatchBuffer } from "./buffer.ts";
import { Deleter } from "./deleter.ts";
import { release, InFlight } from "./in-flight.ts";
import { Backoff } from "./backoff.ts";
import { poll, type PollingEnd } from "./poller.ts";
import type { Loader, ReceivedMessage } from "./ports.ts";
import { CAREFUL_BATCH, guardRedrive } from "./dead-letter.ts";
import type { DrainReport, StoppedBy } from "./report.ts";
import type { DrainParts, DrainSettings } from "./settings.ts";
import { newCounts, type Counts } from "./counts.ts";
import { Writer } from "./writer.ts";

/** How long a database that does not answer may hold up the end after a signal or a time limit, milliseconds. */
const GRACE_MS = 10_000;
/** The same for each of the last things that are asked of SQS then. */
const SQS_GRACE_MS = 5_000;
/** Why nothing more is begun, when the time limit is the reason. */
const OUT_OF_TIME = "out of time";

/**
 * Drains a queue. When it resolves or throws, every message that was received has been committed and deleted, or given back, as far
 * as SQS answered, or was left as it was told to; the report tells of the others.
 *
 * @throws `Failure` when SQS or Postgres failed for good
 */
export function drain(settings: DrainSettings, parts: DrainParts): Promise<DrainReport> {
  return new Drain(settings, parts).run();
}

class Drain {
  readonly #settings: DrainSettings;
  readonly #parts: DrainParts;
  readonly #tally: Counts;
  readonly #started: number;
  readonly #holds: InFlight;
  readonly #buffer: BatchBuffer;
  readonly #deleter: Deleter;
  readonly #pollerBell = new Signal();
  /** Aborted, for good, when nothing more is to be begun: at a signal, at the time limit, at a failure. */
  readonly #halt = new AbortController();
  readonly #failures: unknown[] = [];
  /** The ids of messages that were left in the queue, where they come again. */
  readonly #left = new Set<string>();
  /** Whether the database has a batch to answer for. */
  #isLoading = false;

  constructor(settings: DrainSettings, parts: DrainParts) {
    const { queue, clock, counts: counts = newCounts() } = parts;
    const { concurrency, batchSize } = settings;
    this.#settings = settings;
    this.#parts = parts;
    this.#tally = counts;
    this.#started = clock.now();
    // Every call that pauses listens to it, however many there are; Node 20 would warn of more than ten.
    setMaxListeners(0, this.#halt.signal);
    this.#holds = new InFlight(queue, clock, { warn: this.#warn });
    this.#buffer = new BatchBuffer(clock, batchSize, 2 * batchSize + MAX_BATCH * concurrency);
    this.#deleter = new Deleter({
      queue,
      inFlight: this.#holds,
      counts: counts,
      concurrency,
      backlog: Math.max(2 * batchSize, MAX_BATCH),
      backoff: this.#patience,
      hurry: this.#halt.signal,
      onSettled: this.#wakePoller,
    });
  }

  async run(): Promise<DrainReport> {
    const { queue, loader, clock, stop } = this.#parts;
    /** Aborted when all is done, so that what runs beside it ends too. */
    const over = new AbortController();
    const halted = new Promise<void>((resolve) => {
      this.#halt.signal.addEventListener("abort", () => {
        this.#buffer.discard();
        this.#wakePoller();
        resolve();
      });
    });
    /** The work's result; undefined when a run that was halted has waited for it for long enough. */
    const within = <T>(graceMs: number, work: Promise<T>): Promise<T | undefined> =>
      Promise.race([
        work,
        halted.then(async () => {
          await clock.wait(graceMs, over.signal);
          return undefined;
        }),
      ]);
    const onStop = (): void => {
      this.#halt.abort();
    };
    stop.addEventListener("abort", onStop);
    if (stop.aborted) onStop();

    const keeping = this.#holds.keep(over.signal).catch(this.#fail);
    const timing = this.#watchTime(over.signal);
    const written = loader === undefined ? Promise.resolve() : this.#writeAll(loader).catch(this.#fail);
    const polled = await within(SQS_GRACE_MS, this.#receiveAll().catch(this.#fail));
    await within(GRACE_MS, written);
    const databaseSilent = this.#isLoading;
    await within(SQS_GRACE_MS, this.#deleter.finish().catch(this.#fail));
    const held = this.#holds.size;
    const released = (await within(SQS_GRACE_MS, this.#holds.releaseAll())) ?? 0;
    this.#tally.released += released;
    const remaining = await within(
      SQS_GRACE_MS,
      queue.depth().catch(() => undefined),
    );
    over.abort();
    stop.removeEventListener("abort", onStop);
    await within(0, Promise.all([keeping, timing]));

    if (!stop.aborted) throwFirst(this.#failures);
    return {
      ...this.#tally,
      requests: { ...queue.requests },
      remaining,
      stoppedBy: this.#stoppedBy(polled),
      stillVisible: polled === "still-visible",
      leftHidden: held - released,
      databaseSilent,
      durationMs: Math.round(clock.now() - this.#started),
    };
  }

  async #receiveAll(): Promise<PollingEnd> {
    const { queue, clock, loader } = this.#parts;
    const { maxMessages = Infinity, maxSeconds = Infinity } = this.#settings;
    const careful = loader === undefined && queue.maxReceiveCount !== undefined;
    const concurrency = careful ? 1 : this.#settings.concurrency;
    const oneByOne = careful || (queue.isFifo && this.#settings.onReject === "leave");
    try {
      if (careful) guardRedrive(queue, []);
      return await poll({
        queue,
        clock,
        concurrency,
        batch: oneByOne ? CAREFUL_BATCH : MAX_BATCH,
        maxMessages,
        deadline: this.#started + maxSeconds * 1000,
        backoff: this.#patience,
        stop: this.#halt.signal,
        signal: this.#pollerBell,
        room: () => this.#buffer.room,
        read: () => this.#buffer.read(),
        idle: () => loader === undefined || this.#holds.size === 0,
        accept: this.#accept,
        release: async (messages) => {
          this.#tally.released += await release(queue, messages);
        },
      });
    } finally {
      this.#buffer.close();
    }
  }

  /**
   * Takes what was received: decodes, masks, and puts it where the writer finds it; in a dry run it is only counted. Returns whether
   * anything came that had not been left before.
   */
  readonly #accept = (messages: readonly ReceivedMessage[], asked: number): boolean => {
    const { queue, loader, entries } = this.#parts;
    const { onReject } = this.#settings;
    const brought = messages.some(({ messageId }) => !this.#left.has(messageId));
    this.#tally.received += messages.length;
    for (const message of messages) {
      if (!this.#holds.add(message, asked)) {
        this.#tally.duplicates += 1;
        continue;
      }
      const entry = entries.fromMessage(message);
      const rejected = onReject === "leave" ? "left" : "quarantined";
      if (loader === undefined) this.#tally[entry.kind === "row" ? "loaded" : rejected] += 1;
      else if (this.#halt.signal.aborted) continue;
      else if (entry.kind === "row") this.#buffer.push({ message, entry });
      // Its body is in the entry already, sealed.
      else if (rejected === "quarantined")
        this.#buffer.push({ message: { ...message, body: undefined }, entry });
      else {
        this.#tally.left += 1;
        this.#leave(message);
      }
    }
    if (loader === undefined) guardRedrive(queue, messages);
    return brought;
  };

  /** Hidden for no longer than it is already: it comes again in its time, and SQS counts that. */
  #leave({ messageId }: Pick<ReceivedMessage, "messageId">): void {
    this.#holds.forget(messageId);
    this.#left.add(messageId);
  }

  async #writeAll(loader: Loader): Promise<void> {
    const writer = new Writer({
      loader,
      entries: this.#parts.entries,
      counts: this.#tally,
      onReject: this.#settings.onReject,
      warn: this.#warn,
      backoff: this.#patience,
      hurry: this.#halt.signal,
    });
    for (;;) {
      const batch = await this.#buffer.next(this.#deleter.idle);
      if (batch === undefined) {
        writer.end();
        return;
      }
      if (batch.length === 0) await this.#deleter.finish();
      else {
        this.#isLoading = true;
        const left = await writer.write(batch).finally(() => {
          this.#isLoading = false;
        });
        for (const { message } of left) this.#leave(message);
        this.#buffer.done(batch);
        this.#wakePoller();
        await this.#deleter.add(
          batch.filter((item) => !left.has(item)).map(({ message }) => message.messageId),
        );
      }
    }
  }

  async #watchTime(over: AbortSignal): Promise<void> {
    const { maxSeconds } = this.#settings;
    if (maxSeconds === undefined) return;
    await this.#parts.clock.wait(maxSeconds * 1000, over);
    if (!over.aborted) this.#halt.abort(OUT_OF_TIME);
  }

  #stoppedBy(polled: PollingEnd | undefined): StoppedBy {
    if (this.#parts.stop.aborted) return "signal";
    if (this.#halt.signal.reason === OUT_OF_TIME || polled === "max-seconds") return "max-seconds";
    return polled === "max-messages" ? polled : "empty";
  }

  readonly #warn = (line: string): void => {
    this.#parts.notices?.warn(line);
  };

  readonly #wakePoller = (): void => {
    this.#pollerBell.ring();
  };

  readonly #fail = (error: unknown): undefined => {
    this.#failures.push(error);
    this.#halt.abort();
  };

  readonly #patience = (): Backoff =>
    new Backoff({
      clock: this.#parts.clock,
      retryForMs: this.#settings.retryForSeconds * 1000,
      random: this.#parts.random,
    });
}
