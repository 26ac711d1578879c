// Runs seeds in a thread, and tells the main thread of them.
import { setImmediate } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { faultKindOf } from "./faults.ts";
import { simulate } from "./run.ts";

export interface Work {
  readonly first: number;
  /** The distance between two seeds. */
  readonly step: number;
  readonly count: number;
  /** Epoch milliseconds. */
  readonly until: number;
}

export interface Progress {
  readonly seeds: number;
  readonly messages: number;
  readonly steps: number;
  readonly lostInFailover: number;
  /** How often each kind of fault happened. */
  readonly faults: Readonly<Record<string, number>>;
  /** The seed that failed, with which the work ends. */
  readonly failed?: { readonly seed: number; readonly broken: string };
}

/** Seeds per message to the main thread. */
const AT_ONCE = 20;

async function work({ first, step, count, until }: Work): Promise<void> {
  Error.stackTraceLimit = 0;
  let unhandled: string | undefined;
  process.on("unhandledRejection", (error) => {
    unhandled = error instanceof Error ? error.message : "a value that is no error";
  });
  let [seeds, messages, steps, lostInFailover] = [0, 0, 0, 0];
  let faults: Record<string, number> = {};
  const tell = (failed?: Progress["failed"]): void => {
    const progress: Progress = { seeds, messages, steps, lostInFailover, faults, ...(failed && { failed }) };
    parentPort?.postMessage(progress);
    [seeds, messages, steps, lostInFailover, faults] = [0, 0, 0, 0, {}];
  };
  for (let done = 0; done < count && Date.now() < until; done += 1) {
    const seed = first + done * step;
    const outcome = await simulate(seed);
    // Rejections that nobody handles are told now.
    await setImmediate();
    seeds += 1;
    messages += outcome.messages;
    steps += outcome.steps;
    lostInFailover += outcome.lostInFailover;
    for (const fault of outcome.played) {
      const kind = faultKindOf(fault);
      faults[kind] = (faults[kind] ?? 0) + 1;
    }
    const broken = outcome.broken ?? (unhandled && `an error that nobody handles: ${unhandled}`);
    if (broken !== undefined) {
      tell({ seed, broken });
      return;
    }
    if (seeds === AT_ONCE) tell();
  }
  tell();
}

await work(workerData as Work);
