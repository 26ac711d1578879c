// The faults of a seed: which may happen, how often, and which did.
import { Random } from "./random.ts";

/** What can go wrong, by what it happens to, with the highest probability for each time that it can. */
const FAULTS = {
  "sqs unavailable": 0.2,
  "sqs throttles": 0.2,
  "sqs answer lost": 0.2,
  "sqs silent": 0.05,
  "sqs answer cut off": 0.2,
  "empty receive": 0.5,
  "more than asked": 1,
  "delivered while hidden": 0.2,
  "visibility ends early": 0.2,
  "visibility ends late": 0.2,
  "delivered after delete": 0.2,
  "entry fails": 0.2,
  "entry fails for good": 0.2,
  "entry fails after its effect": 0.2,
  "counts lag": 0.8,
  "connection cut before": 0.2,
  "connection cut during": 0.2,
  "connection cut after": 0.2,
  "statement cancelled": 0.2,
  "cancelled while it waits": 0.4,
  "statement slow": 0.1,
  "postgres silent": 0.01,
  "standby slow": 0.2,
  "standby wait cancelled": 0.3,
  // What happens once, at a time.
  "sqs away": 1,
  restart: 1,
  failover: 1,
  "table refuses": 1,
  kill: 1,
  stop: 1,
  suspend: 1,
  purge: 1,
  "move task": 1,
  "late arrival": 1,
  "second drain": 1,
  replay: 1,
  "days pass": 1,
  rotate: 1,
  forget: 1,
  "quarantine purge": 1,
  "new key": 1,
  "new mapping": 1,
  "table copied": 0.5,
  "weeks pass": 1,
  "keys missing": 0.5,
  "large messages": 0.4,
} as const;

export type FaultKind = keyof typeof FAULTS;

const KINDS = Object.keys(FAULTS).filter((kind): kind is FaultKind => kind in FAULTS);

const FIRST_OF_POSTGRES = KINDS.indexOf("connection cut before");
const FIRST_EVENT = KINDS.indexOf("sqs away");

/** The kind of a fault that happened, such as `kill` of `kill 2`. */
export function faultKindOf(played: string): string {
  return played.replace(/ \d+$/, "");
}

/** Each seed has other kinds of faults, some often and some rarely, so that rare ones are not always hidden behind frequent ones. */
export class Faults {
  /** Those that happened, such as `kill 2`. */
  readonly played: string[] = [];
  readonly #streams = new Map<FaultKind, { readonly rate: number; readonly random: Random; count: number }>();
  readonly #only: ReadonlySet<string> | undefined;
  /** False at the end, when everything must come to rest. */
  areOn = true;

  /** @param only allows no other faults than these */
  constructor(seed: number, only?: ReadonlySet<string>) {
    this.#only = only;
    const random = new Random(seed, 1);
    const share = random.pick([0, 0.1, 0.3, 0.3, 0.6, 1]);
    // In some worlds, SQS or Postgres has all of its faults.
    const worst = random.pick(["none", "none", "sqs", "postgres"]);
    for (const [index, kind] of KINDS.entries()) {
      const of = index < FIRST_OF_POSTGRES ? "sqs" : index < FIRST_EVENT ? "postgres" : "world";
      const isOn = random.chance(share) || of === worst;
      const rate = FAULTS[kind] * random.pick([0.03, 0.2, 1]);
      this.#streams.set(kind, { rate: isOn ? rate : 0, random: new Random(seed, 100 + index), count: 0 });
    }
  }

  /** Whether the fault has happened. */
  wasPlayed(kind: FaultKind): boolean {
    return this.played.some((name) => faultKindOf(name) === kind);
  }

  /** Whether the fault happens now. */
  play(kind: FaultKind): boolean {
    const stream = this.#streams.get(kind);
    if (stream === undefined || !this.areOn || stream.rate === 0) return false;
    stream.count += 1;
    if (!stream.random.chance(stream.rate)) return false;
    const name = `${kind} ${stream.count}`;
    if (this.#only?.has(name) === false) return false;
    this.played.push(name);
    return true;
  }
}
