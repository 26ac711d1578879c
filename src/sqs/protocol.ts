// Detects which of its two protocols an SQS endpoint supports, with the first request that is needed anyway.
import { translateSqsError, notSqs, type SqsCall } from "./errors.ts";
import { faultOf } from "../aws/fault.ts";
import type { Protocol } from "./target.ts";

/** The result of a request: an answer or an error. */
export type Outcome<T> =
  { readonly ok: true; readonly answer: T } | { readonly ok: false; readonly error: unknown };

// The answers of servers to a request in a protocol that they do not support. `NotFound` is the SDK's name for a 404 without a code.
const unsupportedCodes = new Set([
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

export async function attempt<T>(ask: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, answer: await ask() };
  } catch (error) {
    return { ok: false, error };
  }
}

/**
 * Tries JSON and, if the server does not support it, the query protocol; once each.
 *
 * @param ask makes the first request in a protocol, without retries
 * @returns the protocol, with the answer or the error that SQS gave in it
 * @throws {Failure} `configuration` if neither is supported, else the error of {@link translateSqsError}
 */
export async function findProtocol<T>(
  ask: (protocol: Protocol) => Promise<T>,
  call: SqsCall,
): Promise<{ protocol: Protocol; outcome: Outcome<T> }> {
  const json = await attempt(() => ask("json"));
  if (json.ok || !isUnsupported(json.error)) return { protocol: "json", outcome: json };
  const query = await attempt(() => ask("query"));
  if (query.ok || !isUnsupported(query.error)) return { protocol: "query", outcome: query };
  if (isInternalError(json.error)) throw translateSqsError(json.error, call);
  throw notSqs(call.target, "auto", json.error);
}

/** True if a server answered, but not in this protocol. A gateway's error page does not count, nor does a missing answer. */
export function isUnsupported(error: unknown): boolean {
  const fault = faultOf(error);
  switch (fault.kind) {
    case "unreadable":
      return !gatewayStatus.has(fault.status);
    case "error response":
      if (gatewayStatus.has(fault.status) || fault.status === 429) return false;
      return fault.code === undefined || unsupportedCodes.has(fault.code);
    case "unreachable":
      return fault.errno.startsWith("HPE_");
    case "local":
      return false;
  }
}

/**
 * True for a status of 500 or above with an error code, which is SQS's own internal error. A server that does not support the protocol
 * may answer 500 too, but without a code that can be read.
 */
export function isInternalError(error: unknown): boolean {
  const fault = faultOf(error);
  return fault.kind === "error response" && fault.code !== undefined && fault.status >= 500;
}
