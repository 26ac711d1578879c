// The one error type whose message may be shown to a person. It names a setting and the way out; never a value that
// was read from a message, never a secret.

/**
 * - `configuration`: somebody has to change a setting or a right first; exit code 2.
 * - `unavailable`: SQS or Postgres could not be reached or refused for now; worth a retry; exit code 5.
 */
export type FailureKind = "configuration" | "unavailable";

/** A failure that the user can do something about. `message` is a sentence that is safe to print. */
export class Failure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "Failure";
    this.kind = kind;
  }
}

/** Throws the first of the errors that concurrent work collected, if there is one. */
export function throwFirst(errors: readonly unknown[]): void {
  const [first] = errors;
  if (errors.length > 0)
    throw first instanceof Error ? first : new Error("unknown failure", { cause: first });
}
