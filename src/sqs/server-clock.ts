// Reads SQS's clock off its answers, those that are errors too.
import { ahead, checkClock, type Span } from "../doctor/clocks.ts";
import { skipped, type Check } from "../doctor/check.ts";
import { header } from "./message.ts";
import type { SqsClient } from "./client.ts";

const NAME = "SQS clock";
/** The header `Date` tells full seconds (RFC 9110, section 5.6.7). */
const PRECISION = 1_000;
/** AWS refuses what was signed longer ago, or later, than this (AWS, "Signature Version 4": 15 minutes). */
const SIGNED_WITHIN = 15 * 60_000;

interface Answer {
  readonly here: Span;
  readonly there: Span;
}

export interface ServerClock {
  /** Before the client's first call. */
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
        // The innermost place: the answer as it came, whatever it says.
        { step: "deserialize", priority: "low", name: "readDate" },
      );
    },
    check: () => {
      if (best !== undefined) return checkClock(NAME, ahead(best.here, best.there), SIGNED_WITHIN);
      return skipped(NAME, "not checked: no answer told the time");
    },
  };
}
