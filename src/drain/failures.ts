// Failures of work that runs side by side are gathered, and told when all of it has ended.

/** Throws the first failure, if there is any. */
export function throwFirst(failures: readonly unknown[]): void {
  const [first] = failures;
  if (failures.length > 0)
    throw first instanceof Error ? first : new Error("unknown failure", { cause: first });
}
