// Runs seeds on several threads until one fails.
import { Worker } from "node:worker_threads";
import type { Progress, Work } from "./worker.ts";

export interface Search {
  readonly first: number;
  readonly count: number;
  /** Epoch milliseconds. */
  readonly until: number;
  readonly threads: number;
  /** The compiled `worker.ts`. */
  readonly worker: URL;
}

export interface Found {
  seeds: number;
  messages: number;
  steps: number;
  lostInFailover: number;
  readonly faults: Map<string, number>;
  /** The lowest seed that failed. */
  failed: Progress["failed"];
}

/** A thread that tells nothing for as long is in an endless loop, milliseconds. */
const SILENT_MS = 60_000;

/** @param onProgress called now and then */
export async function search(
  { first, count, until, threads, worker }: Search,
  onProgress: (found: Found) => void = () => undefined,
): Promise<Found> {
  const found: Found = {
    ...{ seeds: 0, messages: 0, steps: 0, lostInFailover: 0 },
    faults: new Map(),
    failed: undefined,
  };
  const workers: Worker[] = [];
  const run = (index: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const workerData: Work = {
        first: first + index,
        step: threads,
        count: Math.ceil((count - index) / threads),
        until,
      };
      const thread = new Worker(worker, { workerData });
      workers.push(thread);
      const hangs = (): void => {
        found.failed ??= { seed: first + found.seeds, broken: "an endless loop, near this seed" };
        void thread.terminate();
      };
      let timer = setTimeout(hangs, SILENT_MS);
      thread.on("message", (progress: Progress) => {
        clearTimeout(timer);
        timer = setTimeout(hangs, SILENT_MS);
        add(found, progress);
        onProgress(found);
        if (found.failed !== undefined) for (const each of workers) void each.terminate();
      });
      thread.on("error", reject);
      thread.on("exit", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  await Promise.all(Array.from({ length: Math.min(threads, count) }, (_, index) => run(index)));
  return found;
}

function add(found: Found, { seeds, messages, steps, lostInFailover, faults, failed }: Progress): void {
  found.seeds += seeds;
  found.messages += messages;
  found.steps += steps;
  found.lostInFailover += lostInFailover;
  for (const [kind, times] of Object.entries(faults))
    found.faults.set(kind, (found.faults.get(kind) ?? 0) + times);
  if (failed !== undefined && failed.seed < (found.failed?.seed ?? Infinity)) found.failed = failed;
}
