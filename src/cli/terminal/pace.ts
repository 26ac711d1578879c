// Throughput and remaining time of a run. Pure.

/** Window of the rate, milliseconds: long enough for a steady number, short enough to follow changes. */
const WINDOW_MS = 5_000;
/** No rate is shown before this much time, milliseconds, because it would be noise. */
const SHORTEST_MS = 1_000;

interface Sample {
  readonly at: number;
  readonly done: number;
}

/** Messages per second, over the last few seconds. */
export class Pace {
  readonly #samples: Sample[] = [];

  /** @param at monotonic time, milliseconds */
  note(at: number, done: number): void {
    this.#samples.push({ at, done });
    while ((this.#samples[1]?.at ?? at) <= at - WINDOW_MS) this.#samples.shift();
  }

  /** Undefined while there is too little data. */
  get perSecond(): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.at - first.at < SHORTEST_MS) return undefined;
    return ((last.done - first.done) / (last.at - first.at)) * 1000;
  }
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** `12 s`, `3 min`, `2 h 10 min`: no more precise than an estimate can be. */
export function durationText(seconds: number): string {
  if (seconds < MINUTE - 0.5) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.max(1, Math.round(seconds / MINUTE));
  if (minutes * MINUTE < HOUR) return `${minutes} min`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)} h${rest === 0 ? "" : ` ${rest} min`}`;
}
