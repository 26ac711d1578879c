// Reads SQS's clock from the Date header of its answers, errors included.
import { ahead, checkClock, type Span } from "../doctor/clocks.ts";
import { skipped, type Check } from "../doctor/check.ts";
import { header } from "./message.ts";
import type { SqsClient } from "./client.ts";

const NAME = "SQS clock";
/** Precision of the `Date` header, milliseconds (RFC 9110, section 5.6.7). */
const PRECISION = 1_000;
/** Maximum difference between AWS's clock and a signature's time (AWS, "Signature Version 4": 15 minutes). */
const SIGNED_WITHIN = 15 * 60_000;

interface Answer {
  readonly here: Span;
  readonly there: Span;
}

export interface ServerClock {
  /** Call it before the client's first request. */
  readonly watch: (client: SqsClient) => void;
  readonly check: () => Check;
}

/** @param now epoch milliseconds */
export function createServerClock(now: () => number): ServerClock {
  let best: Answer | undefined;
  const roundTrip = ({ here }: Answer): number => here.to - here.from;
  return {
    watch: (client) => {
      client.middlewareStack.add(
        (next) => async (args) => {
          const from = now();
          const result = await next(args);
          const here = { from, to: now() };
          const date = Date.parse(header(result.response, "date") ?? "");
          const answer = { here, there: { from: date, to: date + PRECISION } };
          if (!Number.isNaN(date) && (best === undefined || roundTrip(answer) < roundTrip(best)))
            best = answer;
          return result;
        },
        // The innermost step: sees every answer, errors included.
        { step: "deserialize", priority: "low", name: "readDate" },
      );
    },
    check: () => {
      if (best !== undefined) return checkClock(NAME, ahead(best.here, best.there), SIGNED_WITHIN);
      return skipped(NAME, "not checked: no response had a Date header");
    },
  };
}
