// Headers of an answer, known before it is read.

/** Where a server does not say how long its answer is, bytes. */
const UNKNOWN = 1024 * 1024;

/** The header `Content-Length` of an answer, bytes. */
export function answerLength(response: unknown): number {
  const length = Number(header(response, "content-length"));
  return Number.isSafeInteger(length) && length >= 0 ? length : UNKNOWN;
}

/** A header of an answer as the SDK's request handler gives it; undefined where it has none. */
export function header(response: unknown, name: string): string | undefined {
  if (typeof response !== "object" || response === null || !("headers" in response)) return undefined;
  const { headers } = response;
  if (typeof headers !== "object" || headers === null) return undefined;
  const value: unknown = Reflect.get(headers, name);
  return typeof value === "string" ? value : undefined;
}
