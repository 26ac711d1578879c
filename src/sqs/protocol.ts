// Finds out which of its two protocols an SQS endpoint speaks, by the first request that has to be made anyway.
import { translateSqsError, notSqs, type Place } from "./errors.ts";
import { faultOf } from "./fault.ts";
import type { Protocol } from "./target.ts";

/** What the first request brought: an answer, or the error in its place. */
export type Outcome<T> =
  { readonly ok: true; readonly answer: T } | { readonly ok: false; readonly error: unknown };

// What servers say to a request in a protocol that they do not speak. `NotFound` is the SDK's own word for a 404 without
// a code.
const incomprehension = new Set([
  "NotFound",
  "InvalidAction",
  "MissingAction",
  "MissingParameter",
  "UnknownOperation",
  "UnknownOperationException",
  "UnsupportedOperation",
  "SerializationException",
  "InternalError",
  "InternalFailure",
]);
const gatewayStatus = new Set([407, 502, 503, 504]);

/** Makes a request and keeps what it threw, for a look at it. */
export async function attempt<T>(ask: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, answer: await ask() };
  } catch (error) {
    return { ok: false, error };
  }
}

/**
 * Asks in JSON and, where that is not understood, in the query protocol; once each.
 *
 * @param ask makes the first request in a protocol, without retries
 * @returns the protocol, with the answer, or the error, that SQS itself gave in it
 * @throws {Failure} `configuration` when neither is understood, else what {@link translateSqsError} says
 */
export async function findProtocol<T>(
  ask: (protocol: Protocol) => Promise<T>,
  place: Place,
): Promise<{ protocol: Protocol; outcome: Outcome<T> }> {
  const json = await attempt(() => ask("json"));
  if (json.ok || !isNotUnderstood(json.error)) return { protocol: "json", outcome: json };
  const query = await attempt(() => ask("query"));
  if (query.ok || !isNotUnderstood(query.error)) return { protocol: "query", outcome: query };
  if (hasFaultOfItsOwn(json.error)) throw translateSqsError(json.error, place);
  throw notSqs(place.target, "auto", json.error);
}

/**
 * True where something answered, but not as SQS does in this protocol. A gateway's own error page is no such answer, nor
 * is silence.
 */
export function isNotUnderstood(error: unknown): boolean {
  const fault = faultOf(error);
  switch (fault.kind) {
    case "unreadable":
      return !gatewayStatus.has(fault.status);
    case "refused":
      if (gatewayStatus.has(fault.status) || fault.status === 429) return false;
      return fault.code === undefined || incomprehension.has(fault.code);
    case "unreachable":
      return fault.errno.startsWith("HPE_");
    case "local":
      return false;
  }
}

/**
 * True for an error 500 and above with a code, as SQS gives it when something breaks at its end. A server that does not
 * speak the protocol may answer 500 too, but not with a code that can be read.
 */
export function hasFaultOfItsOwn(error: unknown): boolean {
  const fault = faultOf(error);
  return fault.kind === "refused" && fault.code !== undefined && fault.status >= 500;
}
