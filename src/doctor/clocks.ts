// Compares this machine's clock with a server's. Pure.
import { failed, ok, warning, type Check, type CheckName } from "./check.ts";

/** A time that lies between `from` and `to`, epoch milliseconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const WARN_ABOVE = 30 * SECOND;

/**
 * The minimum by which this machine's clock is ahead of a server's, milliseconds: negative if it is behind, 0 if the round trip explains the
 * difference.
 *
 * @param here from the request to the response, by this machine's clock
 * @param there the time of the response, by the server's clock
 */
export function ahead(here: Span, there: Span): number {
  if (here.from > there.to) return here.from - there.to;
  if (here.to < there.from) return here.to - there.from;
  return 0;
}

/**
 * @param ms the result of {@link ahead}
 * @param most the server rejects requests with a larger difference, milliseconds
 */
export function checkClock(name: CheckName, ms: number, most = Infinity): Check {
  const off = Math.abs(ms);
  if (off < SECOND) return ok(name, "agrees with this machine's clock");
  const finding = `this machine's clock is ${duration(off)} ${ms > 0 ? "ahead" : "behind"}`;
  if (off > most) {
    const message = `Set this machine's clock. SQS rejects signatures that are more than ${duration(most)} off.`;
    return failed(name, finding, { kind: "configuration", message });
  }
  if (off <= WARN_ABOVE) return ok(name, finding);
  return warning(
    name,
    finding,
    "Set the clock that is wrong: it determines dates, and when ledger entries are pruned.",
  );
}

function duration(ms: number): string {
  return ms < 2 * MINUTE ? `${Math.round(ms / SECOND)} s` : `${Math.round(ms / MINUTE)} min`;
}
