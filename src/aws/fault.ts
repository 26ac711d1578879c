// Classifies what went wrong in a call by codes and numbers, never by the text of an answer.

/**
 * - `error response`: the service answered with an error; `code` is undefined if the answer names none
 * - `unreadable`: an answer came, but not in the protocol's format
 * - `unreachable`: no answer; `errno` such as `ECONNREFUSED`
 * - `local`: the SDK failed before it sent anything; `name` such as `CredentialsProviderError`
 */
export type Fault =
  | { readonly kind: "error response"; readonly code: string | undefined; readonly status: number }
  | { readonly kind: "unreadable"; readonly status: number }
  | { readonly kind: "unreachable"; readonly errno: string }
  | { readonly kind: "local"; readonly name: string };

const namesOfNoCode = new Set(["Unknown", "UnknownError", "SQSServiceException", "Error"]);

// Of Node's ERR_… codes, only the TLS ones come from the network; the others are defects in this program.
const networkErrno = /^(?!ERR_(?!TLS|SSL))[A-Z][A-Z0-9_]{2,}$/;

/** A well-formed answer without the expected fields, such as `{}` from another service. */
export class EmptyAnswer extends Error {
  override readonly name = "EmptyAnswer";
}

/** Reads the fault out of an error that the SDK threw. */
export function faultOf(error: unknown): Fault {
  if (error instanceof EmptyAnswer) return { kind: "unreadable", status: 200 };
  const status = statusOf(error);
  if (isServiceException(error)) {
    const code = [error.name, property(error, "Code")].find(isCode);
    return { kind: "error response", code, status: status ?? 0 };
  }
  // Checked before the status: a connection that breaks in the middle of an answer has both.
  const errno = property(error, "code");
  if (typeof errno === "string" && networkErrno.test(errno)) return { kind: "unreachable", errno };
  const name = property(error, "name");
  if (name === "TimeoutError") return { kind: "unreachable", errno: "ETIMEDOUT" };
  if (status !== undefined) return { kind: "unreadable", status };
  if (error instanceof Error && error.message === "Region is missing") {
    return { kind: "local", name: "RegionMissing" };
  }
  if (error instanceof Error && error.message.startsWith("Region not accepted")) {
    return { kind: "local", name: "RegionInvalid" };
  }
  return { kind: "local", name: typeof name === "string" ? name : "Error" };
}

/** The error to pass on as a cause: a parser's message quotes the answer, so it is replaced. */
export function withoutQuote(error: unknown): unknown {
  if (faultOf(error).kind !== "unreadable" || !(error instanceof Error)) return error;
  return new Error(`${error.name} while reading the answer`);
}

/** Whether the text has the form of an error code. The server chooses it, so nothing else may be shown. */
export function isCode(text: unknown): text is string {
  return typeof text === "string" && /^[A-Za-z][A-Za-z0-9._-]{0,79}$/.test(text) && !namesOfNoCode.has(text);
}

/** Whether it has the marks of the SDK's `ServiceException`, whichever client threw it. */
function isServiceException(error: unknown): error is Error {
  const by = property(error, "$fault");
  return error instanceof Error && (by === "client" || by === "server") && statusOf(error) !== undefined;
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
