// The drain: receives, buffers, writes, deletes after the commit, and ends cleanly.
import { setMaxListeners } from "node:events";
import { throwFirst } from "../failure.ts";
import { MAX_BATCH } from "./batches.ts";
import { Signal } from "./signal.ts";
import { BatchBuffer } from "./buffer.ts";
import { capacityFor } from "./capacity.ts";
import { Deleter } from "./deleter.ts";
import { release, InFlight } from "./in-flight.ts";
import { Backoff } from "./backoff.ts";
import { poll, type PollingEnd } from "./poller.ts";
import type { Loader, QueueDepth, ReceivedMessage } from "./ports.ts";
import { CAREFUL_BATCH, guardRedrive, requireSpareReceives } from "./dead-letter.ts";
import type { DrainReport, StoppedBy } from "./report.ts";
import type { DrainParts, DrainSettings } from "./settings.ts";
import { countReasons, newCounts, type Counts } from "./counts.ts";
import { tally, Writer } from "./writer.ts";

/** How long to wait for Postgres after a signal, a time limit or a failure, milliseconds. */
const GRACE_MS = 10_000;
/** The same for each of the last calls to SQS. */
const SQS_GRACE_MS = 5_000;
/** The abort reason of a run that reached its time limit. */
// Stryker disable next-line StringLiteral: any value that no other abort has
const OUT_OF_TIME = "out of time";

/**
 * Drains a queue. When it resolves or throws, every received message is deleted after its commit, released, or left by
 * `--on-reject leave`, as far as SQS answered. The report counts the exceptions.
 *
 * @throws `Failure` if SQS or Postgres failed and a retry could not fix it
 */
export function drain(settings: DrainSettings, parts: DrainParts): Promise<DrainReport> {
  return new Drain(settings, parts).run();
}

class Drain {
  readonly #settings: DrainSettings;
  readonly #parts: DrainParts;
  readonly #counts: Counts;
  readonly #started: number;
  readonly #inFlight: InFlight;
  readonly #buffer: BatchBuffer;
  readonly #deleter: Deleter;
  readonly #pollerSignal = new Signal();
  /** Aborted when no new work may start: at a signal, the time limit or a failure. */
  readonly #halt = new AbortController();
  readonly #failures: unknown[] = [];
  /** The ids of messages that were left in the queue, where they come again. */
  readonly #leftIds = new Set<string>();
  /** How long the quickest receive took that returned a message, milliseconds. */
  #latency = Infinity;
  /** Messages beyond `maxMessages` that are not released: SQS refused, or has not answered yet. */
  #unreleased = 0;
  /** The queue's last counts. */
  #depth: QueueDepth | undefined;
  /** Whether the database has a batch to answer for. */
  #isLoading = false;

  constructor(settings: DrainSettings, parts: DrainParts) {
    const { queue, clock, counts = newCounts() } = parts;
    const { concurrency, batchSize } = settings;
    this.#settings = settings;
    this.#parts = parts;
    this.#counts = counts;
    this.#started = clock.now();
    // Every concurrent call listens to it; Node 20 would warn at more than ten listeners.
    setMaxListeners(0, this.#halt.signal);
    this.#inFlight = new InFlight(queue, clock, { warn: this.#warn });
    // Until the first batch shows how fast the loader is.
    this.#buffer = new BatchBuffer(clock, batchSize, 2 * batchSize);
    this.#deleter = new Deleter({
      queue,
      inFlight: this.#inFlight,
      counts,
      concurrency,
      backlog: Math.max(2 * batchSize, MAX_BATCH),
      backoff: this.#newBackoff,
      hurry: this.#halt.signal,
      onSettled: this.#wakePoller,
    });
  }

  async run(): Promise<DrainReport> {
    const { queue, loader, clock, stop } = this.#parts;
    /** Aborted at the end, to stop the background work. */
    const over = new AbortController();
    const halted = new Promise<void>((resolve) => {
      this.#halt.signal.addEventListener("abort", () => {
        this.#buffer.discard();
        this.#wakePoller();
        resolve();
      });
    });
    /** The work's result; undefined if it takes longer than `graceMs` after a halt. */
    const within = <T>(graceMs: number, work: T | Promise<T>): Promise<T | undefined> =>
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

    const keeping = this.#inFlight.keep(over.signal).catch(this.#fail);
    const timing = this.#watchTime(over.signal);
    const written = loader && this.#writeAll(loader).catch(this.#fail);
    const polled = await within(SQS_GRACE_MS, this.#receiveAll().catch(this.#fail));
    await within(GRACE_MS, written);
    const databaseSilent = this.#isLoading;
    await within(SQS_GRACE_MS, this.#deleter.finish().catch(this.#fail));
    const unfinished = this.#inFlight.size;
    const released = (await within(SQS_GRACE_MS, this.#inFlight.releaseAll())) ?? 0;
    this.#counts.released += released;
    // A run that ended with an empty queue has just asked, and changed nothing since.
    const remaining =
      polled === "empty" && unfinished === 0
        ? this.#depth
        : await within(
            SQS_GRACE_MS,
            queue.depth().catch(() => undefined),
          );
    over.abort();
    stop.removeEventListener("abort", onStop);
    // Stryker disable next-line ArrayDeclaration: both have ended, and are awaited so that no promise floats
    await Promise.all([keeping, timing]);

    if (!stop.aborted) throwFirst(this.#failures);
    return {
      ...this.#counts,
      requests: { ...queue.requests },
      remaining,
      stoppedBy: this.#stoppedBy(polled),
      stillVisible: polled === "still-visible",
      leftHidden: unfinished - released + this.#unreleased,
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
      if (careful) requireSpareReceives(queue);
      return await poll({
        queue,
        clock,
        concurrency,
        batch: oneByOne ? CAREFUL_BATCH : MAX_BATCH,
        maxMessages,
        deadline: this.#started + maxSeconds * 1000,
        backoff: this.#newBackoff,
        stop: this.#halt.signal,
        signal: this.#pollerSignal,
        room: () => this.#buffer.room,
        read: () => this.#buffer.read(),
        idle: () => loader === undefined || this.#inFlight.size === 0,
        accept: this.#accept,
        depth: async () => (this.#depth = await queue.depth()),
        release: async (messages, asked) => {
          // Visible again: others may have received them.
          if (clock.now() >= asked + queue.visibilityTimeout * 1000) return;
          // The run may end before the answer.
          this.#unreleased += messages.length;
          const released = await release(queue, messages);
          // Read only now: other receives release messages at the same time.
          this.#counts.released += released;
          this.#unreleased -= released;
        },
      });
    } finally {
      this.#buffer.close();
    }
  }

  /**
   * Reads, masks and buffers received messages; a dry run only counts them. Returns false if all of them were left before, so that they do
   * not keep the run going.
   */
  readonly #accept = (messages: readonly ReceivedMessage[], asked: number): boolean => {
    const { queue, loader, clock } = this.#parts;
    const isNew = messages.some(({ messageId }) => !this.#leftIds.has(messageId));
    this.#counts.received += messages.length;
    this.#latency = Math.min(this.#latency, clock.now() - asked);
    for (const message of messages) {
      if (!this.#inFlight.add(message, asked)) this.#counts.duplicates += 1;
      else if (loader === undefined) this.#countItems(message);
      else if (!this.#halt.signal.aborted) this.#hold(message);
    }
    if (loader === undefined) guardRedrive(queue, messages);
    return isNew;
  };

  /** A message of one item is read at once, while the database writes earlier ones, if there is room for its row. */
  #hold(message: ReceivedMessage): void {
    const { entries } = this.#parts;
    const [item] = entries.isOneRecord && !this.#buffer.isFull ? entries.items(message) : [];
    if (item === undefined) this.#buffer.pushUnread(message, () => entries.items(message));
    else if (item.entry?.kind !== "rejection" || this.#settings.onReject === "quarantine")
      this.#buffer.push(item);
    else {
      // Not hidden for as long as the batch takes.
      this.#counts.left += 1;
      countReasons(this.#counts, item.entry.rejection.reasons, entries.reasonGroup);
      this.#leave(message.messageId);
    }
  }

  /** For a dry run. */
  #countItems(message: ReceivedMessage): void {
    const { entries } = this.#parts;
    for (const item of entries.items(message)) {
      tally(this.#counts, item);
      if (item.entry?.kind === "row") this.#counts.loaded += 1;
      const rejected = item.entry?.kind === "rejection" ? 1 : item.isLast ? (item.rejected?.size ?? 0) : 0;
      if (item.entry?.kind === "rejection")
        countReasons(this.#counts, item.entry.rejection.reasons, entries.reasonGroup);
      else if (rejected > 0) countReasons(this.#counts, item.rejected?.reasons ?? [], entries.reasonGroup);
      if (this.#settings.onReject === "quarantine") this.#counts.quarantined += rejected;
      else if (rejected > 0) this.#counts.left += 1;
    }
  }

  /** Keeps its visibility timeout: SQS redelivers it afterwards and counts the receive. */
  #leave(messageId: string): void {
    this.#inFlight.forget(messageId);
    this.#leftIds.add(messageId);
  }

  async #writeAll(loader: Loader): Promise<void> {
    const writer = new Writer({
      loader,
      entries: this.#parts.entries,
      counts: this.#counts,
      onReject: this.#settings.onReject,
      warn: this.#warn,
      backoff: this.#newBackoff,
      hurry: this.#halt.signal,
    });
    const { clock, queue } = this.#parts;
    const { batchSize, concurrency } = this.#settings;
    const visibilityTimeout = queue.visibilityTimeout * 1000;
    /** Milliseconds spent on writing since the last batch in which a message ended. */
    let ms = 0;
    for (;;) {
      const batch = await this.#buffer.next(this.#deleter.idle);
      if (batch === undefined) {
        writer.end();
        return;
      }
      const { items } = batch;
      if (items.length === 0) await this.#deleter.finish();
      else {
        const began = clock.now();
        this.#isLoading = true;
        const left = await writer.write(items).finally(() => {
          this.#isLoading = false;
          // Also after a failure: an answer that waits for the memory holds messages to release.
          this.#buffer.done(batch);
        });
        ms += clock.now() - began;
        if (batch.messages > 0) {
          this.#buffer.capacity = capacityFor({
            ...{ batchSize, concurrency, visibilityTimeout },
            ...{ written: batch.messages, writtenIn: ms, latency: this.#latency },
          });
          ms = 0;
        }
        for (const messageId of left) this.#leave(messageId);
        this.#wakePoller();
        const ended = items.filter(({ isLast, message }) => isLast && !left.has(message.messageId));
        await this.#deleter.add(ended.map(({ message }) => message.messageId));
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
    this.#pollerSignal.ring();
  };

  readonly #fail = (error: unknown): undefined => {
    this.#failures.push(error);
    this.#halt.abort();
  };

  readonly #newBackoff = (): Backoff =>
    new Backoff({
      clock: this.#parts.clock,
      retryForMs: this.#settings.retryForSeconds * 1000,
      random: this.#parts.random,
    });
}
