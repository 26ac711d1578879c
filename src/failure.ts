// What may be printed: the only error type with a printable message, and functions that make text safe to print. A message names a setting
// and a fix. It never contains a secret, or a value from an SQS message.

/**
 * - `configuration`: a setting or a permission must be changed first; exit code 2.
 * - `unavailable`: SQS or Postgres was unreachable, or refused the request; a retry can help; exit code 5.
 */
export type FailureKind = "configuration" | "unavailable";

/** A failure that the user can fix or retry. `message` is safe to print. */
export class Failure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "Failure";
    this.kind = kind;
  }
}

/** The queue or the database does not exist. It may be created soon, for example when several containers start together. */
export class Missing extends Failure {
  constructor(message: string, cause?: unknown) {
    super("configuration", message, cause);
  }
}

/** Replaces control characters, which could move a terminal's cursor or change its colors. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{FFFD}");
}

/**
 * `1,830`: the one way to write a count. Intl would load its locale data, which takes a fifth of the time in which Node starts.
 *
 * @param value a whole number, 0 or more
 */
export function count(value: number): string {
  let text = String(value);
  for (let end = text.length - 3; end > 0; end -= 3) text = `${text.slice(0, end)},${text.slice(end)}`;
  return text;
}

/** The code of a system error, such as `ENOENT`; undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

/** Throws the first of the errors that concurrent work collected, if there is one. */
export function throwFirst(errors: readonly unknown[]): void {
  const [first] = errors;
  if (errors.length > 0)
    throw first instanceof Error ? first : new Error("unknown failure", { cause: first });
}
