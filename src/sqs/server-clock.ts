// Reads SQS's clock from the Date header of its answers, errors included.
import { ahead, checkClock } from "../doctor/clocks.ts";
import { skipped, type Check } from "../doctor/check.ts";
import { header } from "./message.ts";
import type { SqsClient } from "./client.ts";

const NAME = "SQS clock";
/** Precision of the `Date` header, milliseconds (RFC 9110, section 5.6.7). */
const PRECISION = 1_000;
/** Maximum difference between AWS's clock and a signature's time (AWS, "Signature Version 4": 15 minutes). */
const SIGNED_WITHIN = 15 * 60_000;

export interface ServerClock {
  /** Call it before the client's first request. */
  readonly watch: (client: SqsClient) => void;
  readonly check: () => Check;
}

/** @param now epoch milliseconds */
export function createServerClock(now: () => number): ServerClock {
  let best: { readonly roundTrip: number; readonly ahead: number } | undefined;
  return {
    watch: (client) => {
      client.middlewareStack.add(
        (next) => async (args) => {
          const from = now();
          const result = await next(args);
          const to = now();
          const roundTrip = to - from;
          const date = Date.parse(header(result.response, "date") ?? "");
          if (!Number.isNaN(date) && (best === undefined || roundTrip < best.roundTrip))
            best = { roundTrip, ahead: ahead({ from, to }, { from: date, to: date + PRECISION }) };
          return result;
        },
        // The innermost step: sees every answer, errors included.
        { step: "deserialize", priority: "low", name: "readDate" },
      );
    },
    check: () => {
      if (best !== undefined) return checkClock(NAME, best.ahead, SIGNED_WITHIN);
      return skipped(NAME, "not checked: no response had a Date header");
    },
  };
}
