// Notes when SQS or Postgres does not answer and a run waits for it: for the progress line, the log and the report. Changes no call.
import type { Clock } from "./clock.ts";
import { systemCode } from "../failure.ts";
import { DatabaseLost, isRetryable, Throttled, type Loader, type Queue } from "./ports.ts";

type Server = "SQS" | "Postgres";

/** The time from the first failed call until a call of the same kind succeeds. */
export interface Outage {
  readonly server: Server;
  /** Such as `ECONNREFUSED`, `57P03` or `throttled`; undefined if the error has none. */
  readonly code: string | undefined;
  /** The clock time of the first failure. */
  readonly since: number;
}

/** How long a run waited for each server, milliseconds. */
export interface Waited {
  readonly sqs: number;
  readonly postgres: number;
}

/** What the log is told. */
export interface OutageNotices {
  /** Called once per outage, at the first failure after {@link NOTICED_MS}. */
  readonly lasts: (outage: Outage) => void;
  /** Called when such an outage ends. */
  readonly ended: (outage: Outage, ms: number) => void;
}

/** A shorter outage, such as one lost connection, is not worth a warning; milliseconds. */
const NOTICED_MS = 1_000;

/** Outages of one run. Wrap the ports before the run uses them. */
export class Outages {
  readonly #clock: Pick<Clock, "now">;
  readonly #notices: OutageNotices;
  readonly #servers: readonly [sqs: Watched, postgres: Watched] = [newWatched("SQS"), newWatched("Postgres")];

  constructor(clock: Pick<Clock, "now">, notices: OutageNotices) {
    this.#clock = clock;
    this.#notices = notices;
  }

  /** The outage that the run waits for, the older one of two; undefined if both servers answer. */
  get current(): Outage | undefined {
    const [sqs, postgres] = this.#servers.map(({ outage }) => outage);
    return sqs === undefined || (postgres !== undefined && postgres.since < sqs.since) ? postgres : sqs;
  }

  /** Also counts outages that have not ended. */
  get waited(): Waited {
    const [sqs, postgres] = this.#servers.map(({ pastMs, outage }) =>
      Math.round(pastMs + (outage === undefined ? 0 : this.#clock.now() - outage.since)),
    );
    return { sqs: sqs ?? 0, postgres: postgres ?? 0 };
  }

  queue(queue: Queue): Queue {
    const [watched] = this.#servers;
    const { name, id, visibilityTimeout, isFifo, maxReceiveCount, requests, visibleAtOpen } = queue;
    return {
      ...{ name, id, visibilityTimeout, isFifo, maxReceiveCount, requests, visibleAtOpen },
      receive: (request) => this.#watch(watched, "receive", isRetryable, () => queue.receive(request)),
      delete: (handles) => this.#watch(watched, "delete", isRetryable, () => queue.delete(handles)),
      changeVisibility: (handles, seconds) => queue.changeVisibility(handles, seconds),
      depth: () => this.#watch(watched, "depth", isRetryable, () => queue.depth()),
      close: () => {
        queue.close();
      },
    };
  }

  loader(loader: Loader): Loader {
    const [, watched] = this.#servers;
    const isLost = (error: unknown): boolean => error instanceof DatabaseLost;
    return { load: (entries) => this.#watch(watched, "load", isLost, () => loader.load(entries)) };
  }

  async #watch<T>(
    watched: Watched,
    call: string,
    isOutage: (error: unknown) => boolean,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      const answer = await work();
      this.#succeeded(watched, call);
      return answer;
    } catch (error) {
      if (isOutage(error)) this.#failed(watched, call, error);
      // The server answered.
      else this.#succeeded(watched, call);
      throw error;
    }
  }

  #failed(watched: Watched, call: string, error: unknown): void {
    const now = this.#clock.now();
    const { server } = watched;
    watched.failing.add(call);
    watched.outage = { server, code: codeOf(error), since: watched.outage?.since ?? now };
    if (watched.isNoticed || now - watched.outage.since < NOTICED_MS) return;
    watched.isNoticed = true;
    this.#notices.lasts(watched.outage);
  }

  #succeeded(watched: Watched, call: string): void {
    const { failing, outage, isNoticed } = watched;
    if (!failing.delete(call) || failing.size > 0 || outage === undefined) return;
    const ms = this.#clock.now() - outage.since;
    watched.pastMs += ms;
    watched.outage = undefined;
    watched.isNoticed = false;
    if (isNoticed) this.#notices.ended(outage, Math.round(ms));
  }
}

interface Watched {
  readonly server: Server;
  /** The kinds of calls that failed the last time. */
  readonly failing: Set<string>;
  outage: Outage | undefined;
  isNoticed: boolean;
  /** Of outages that have ended. */
  pastMs: number;
}

function newWatched(server: Server): Watched {
  return { server, failing: new Set(), outage: undefined, isNoticed: false, pastMs: 0 };
}

/** A server can choose a code, so only the form of one is shown. */
const CODE = /^[A-Z0-9][A-Z0-9_]{2,39}$/;

/** The code of the system, the driver or Postgres. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof Throttled) return "throttled";
  const cause = error instanceof DatabaseLost ? error.failure.cause : error instanceof Error && error.cause;
  const code = systemCode(cause);
  return code !== undefined && CODE.test(code) ? code : undefined;
}
