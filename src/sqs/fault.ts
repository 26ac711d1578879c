// What went wrong in a call, reduced to what is safe to look at: codes and numbers, never the text of an answer.
import { SQSServiceException } from "@aws-sdk/client-sqs";

/**
 * - `refused`: SQS answered with an error; `code` is undefined where the answer does not name one
 * - `unreadable`: an answer came, but not in the protocol's form
 * - `unreachable`: no answer; `errno` such as `ECONNREFUSED`
 * - `local`: the SDK gave up before it sent anything; `name` such as `CredentialsProviderError`
 */
export type Fault =
  | { readonly kind: "refused"; readonly code: string | undefined; readonly status: number }
  | { readonly kind: "unreadable"; readonly status: number }
  | { readonly kind: "unreachable"; readonly errno: string }
  | { readonly kind: "local"; readonly name: string };

const namesOfNoCode = new Set(["Unknown", "UnknownError", "SQSServiceException", "Error"]);

// Of Node's own ERR_… codes only those of TLS come from the network; the others are defects of ours.
const networkErrno = /^(?!ERR_(?!TLS|SSL))[A-Z][A-Z0-9_]{2,}$/;

/** A well-formed answer that holds nothing of what SQS would have said, such as `{}` from some other service. */
export class EmptyAnswer extends Error {
  override readonly name = "EmptyAnswer";
}

/** Reads the fault out of an error that the SDK threw. */
export function faultOf(error: unknown): Fault {
  if (error instanceof EmptyAnswer) return { kind: "unreadable", status: 200 };
  const status = statusOf(error);
  if (error instanceof SQSServiceException) {
    return { kind: "refused", code: codeOf(error), status: status ?? 0 };
  }
  // Before the status: a connection that breaks in the middle of an answer has both.
  const errno = property(error, "code");
  if (typeof errno === "string" && networkErrno.test(errno)) return { kind: "unreachable", errno };
  const name = property(error, "name");
  if (name === "TimeoutError") return { kind: "unreachable", errno: "ETIMEDOUT" };
  if (status !== undefined) return { kind: "unreadable", status };
  if (error instanceof Error && error.message === "Region is missing") {
    return { kind: "local", name: "RegionMissing" };
  }
  return { kind: "local", name: typeof name === "string" ? name : "Error" };
}

/** True where SQS said that the queue is not there, by whichever of its codes. */
export function isMissingQueue(error: unknown): boolean {
  const fault = faultOf(error);
  return fault.kind === "refused" && fault.code !== undefined && missingQueueCodes.has(fault.code);
}

/** The codes for a queue that is not there. */
export const missingQueueCodes: ReadonlySet<string> = new Set([
  "QueueDoesNotExist",
  "AWS.SimpleQueueService.NonExistentQueue",
  "NonExistentQueue",
  "InvalidAddress",
  "QueueDeletedRecently",
  "AWS.SimpleQueueService.QueueDeletedRecently",
]);

/** An error to pass on as a cause, without the piece of the answer that a parser's message quotes. */
export function withoutQuote(error: unknown): unknown {
  if (faultOf(error).kind !== "unreadable" || !(error instanceof Error)) return error;
  return new Error(`${error.name} while reading the answer`);
}

/** The server chooses these texts: only what has the form of a code gets through to a message. */
export function isCode(text: unknown): text is string {
  return typeof text === "string" && /^[A-Za-z][A-Za-z0-9._-]{0,79}$/.test(text) && !namesOfNoCode.has(text);
}

function codeOf(error: SQSServiceException): string | undefined {
  return [error.name, property(error, "Code")].find(isCode);
}

function statusOf(error: unknown): number | undefined {
  const status = property(property(error, "$metadata"), "httpStatusCode");
  return typeof status === "number" ? status : undefined;
}

/** An own or inherited property of anything. */
export function property(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  const found: unknown = Reflect.get(value, key);
  return found;
}
