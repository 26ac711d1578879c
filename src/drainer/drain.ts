// The drain: pollers, a bounded buffer, a writer, deletes after the commit, and a clean end.
import { Bell } from "./bell.ts";
import { Buffer } from "./buffer.ts";
import type { Clock } from "./clock.ts";
import { Deleter } from "./deleter.ts";
import type { EntryMaker } from "./entry.ts";
import { throwFirst } from "./failures.ts";
import { giveBack, Holds } from "./holds.ts";
import { poll, type PollingEnd } from "./poller.ts";
import type { Loader, Queue, QueueDepth, ReceivedMessage, RequestCounts } from "./ports.ts";
import { guardRedrive } from "./redrive.ts";
import { newTally, type Tally } from "./tally.ts";
import { Writer } from "./writer.ts";

/** How long a database that does not answer may hold up the end after a signal or a time limit, milliseconds. */
const GRACE_MS = 10_000;
/** Why nothing more is begun, when the time limit is the reason. */
const OUT_OF_TIME = "out of time";

export interface DrainSettings {
  /** The most receives, and the most deletes, under way at once. */
  readonly concurrency: number;
  /** The most rows a statement. */
  readonly batchSize: number;
  readonly maxMessages: number | undefined;
  readonly maxSeconds: number | undefined;
  /** For how long SQS or Postgres is waited for when it is away, seconds. */
  readonly retryForSeconds: number;
}

export interface DrainParts {
  readonly queue: Queue;
  /** Undefined for a dry run: everything is decoded, masked and counted, then given back. */
  readonly loader: Loader | undefined;
  readonly entries: EntryMaker;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  /** Aborted at the first signal. */
  readonly stop: AbortSignal;
  /** Counts as the run goes on. */
  readonly tally?: Tally;
}

export type StoppedBy = "empty" | "max-messages" | "max-seconds" | "signal";

export interface DrainReport extends Readonly<Tally> {
  readonly requests: Readonly<RequestCounts>;
  /** Undefined where the queue could not tell. */
  readonly remaining: QueueDepth | undefined;
  readonly stoppedBy: StoppedBy;
  /** True when the queue counts visible messages that it does not hand out. */
  readonly stillVisible: boolean;
  readonly durationMs: number;
}

/**
 * Drains a queue. When it resolves or throws, every message that was received has been committed and deleted, or given back.
 *
 * @throws `Failure` when SQS or Postgres failed for good
 */
export async function drain(settings: DrainSettings, parts: DrainParts): Promise<DrainReport> {
  const { queue, loader, entries, clock, stop, tally = newTally() } = parts;
  const started = clock.now();
  const holds = new Holds(queue, clock);
  const polling = new Bell();
  const ring = (): void => {
    polling.ring();
  };
  const buffer = new Buffer(clock, settings.batchSize, 2 * settings.batchSize + 10 * settings.concurrency);
  const deleter = new Deleter(queue, holds, clock, tally, settings.concurrency, ring);

  /** Aborted, for good, when nothing more is to be begun: at a signal, at the time limit, at a failure. */
  const halt = new AbortController();
  /** Aborted when all is done, so that what runs beside it ends too. */
  const over = new AbortController();
  const failures: unknown[] = [];
  let endGrace = (): void => undefined;
  const grace = new Promise<void>((resolve) => (endGrace = resolve));
  halt.signal.addEventListener("abort", () => {
    buffer.discard();
    ring();
    void clock.wait(GRACE_MS, over.signal).then(endGrace);
  });
  const onStop = (): void => {
    halt.abort();
  };
  const onFailure = (error: unknown): void => {
    failures.push(error);
    halt.abort();
  };
  stop.addEventListener("abort", onStop);
  if (stop.aborted) halt.abort();

  const accept = (messages: readonly ReceivedMessage[], asked: number): void => {
    tally.received += messages.length;
    for (const message of messages) {
      if (!holds.add(message, asked)) {
        tally.duplicates += 1;
        continue;
      }
      const entry = entries.fromMessage(message);
      if (loader === undefined) tally["row" in entry ? "loaded" : "quarantined"] += 1;
      else if (!halt.signal.aborted) buffer.push({ message, entry });
    }
    if (loader === undefined) guardRedrive(queue, messages);
  };

  const receiveAll = async (): Promise<PollingEnd> => {
    try {
      if (loader === undefined) guardRedrive(queue, []);
      return await poll({
        queue,
        clock,
        concurrency: settings.concurrency,
        maxMessages: settings.maxMessages ?? Infinity,
        deadline: started + (settings.maxSeconds ?? Infinity) * 1000,
        retryForMs: settings.retryForSeconds * 1000,
        stop: halt.signal,
        bell: polling,
        room: () => buffer.room,
        idle: () => loader === undefined || holds.size === 0,
        accept,
        refuse: async (messages) => {
          tally.released += await giveBack(
            queue,
            messages.map(({ receiptHandle }) => receiptHandle),
          );
        },
      });
    } finally {
      buffer.close();
    }
  };

  const writeAll = async (into: Loader): Promise<void> => {
    const { random } = parts;
    const retryForMs = settings.retryForSeconds * 1000;
    const writer = new Writer({
      loader: into,
      entries,
      clock,
      tally,
      retryForMs,
      random,
      hurry: halt.signal,
    });
    for (;;) {
      const batch = await buffer.next(deleter.idle);
      if (batch === undefined) return;
      if (batch.length === 0) await deleter.finish();
      else {
        await writer.write(batch);
        buffer.done(batch);
        await deleter.add(batch.map(({ message }) => message.messageId));
      }
    }
  };

  const keeping = holds.keep(over.signal).catch(onFailure);
  const timing = watchTime(settings.maxSeconds, clock, over.signal, () => {
    halt.abort(OUT_OF_TIME);
  });
  const writing = loader === undefined ? Promise.resolve() : writeAll(loader).catch(onFailure);
  const polled = await receiveAll().catch((error: unknown): PollingEnd => {
    onFailure(error);
    return "stopped";
  });
  await Promise.race([writing, grace]);
  await deleter.finish().catch(onFailure);
  tally.released += await holds.releaseAll();
  const remaining = await queue.depth().catch(() => undefined);
  over.abort();
  stop.removeEventListener("abort", onStop);
  await Promise.all([keeping, timing]);
  if (!stop.aborted) throwFirst(failures);
  return {
    ...tally,
    requests: { ...queue.requests },
    remaining,
    stoppedBy: stop.aborted
      ? "signal"
      : halt.signal.reason === OUT_OF_TIME
        ? "max-seconds"
        : stoppedBy(polled),
    stillVisible: polled === "still-visible",
    durationMs: Math.round(clock.now() - started),
  };
}

async function watchTime(
  seconds: number | undefined,
  clock: Clock,
  over: AbortSignal,
  onTime: () => void,
): Promise<void> {
  if (seconds === undefined) return;
  await clock.wait(seconds * 1000, over);
  if (!over.aborted) onTime();
}

function stoppedBy(end: PollingEnd): StoppedBy {
  return end === "max-messages" || end === "max-seconds" ? end : "empty";
}
