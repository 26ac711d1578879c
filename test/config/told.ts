// What a list of configuration mistakes tells the user.
import { Problems } from "../../src/config/readers.ts";
import { Failure } from "../../src/failure.ts";

/** Runs a reader. Gives what it read, and the sentences that the user would be told. */
export function reading<T>(read: (problems: Problems) => T): { readonly value: T; readonly told: string[] } {
  const problems = new Problems();
  const value = read(problems);
  return { value, told: sentences(problems) };
}

function sentences(problems: Problems): string[] {
  try {
    problems.throwIfAny();
    return [];
  } catch (error) {
    if (error instanceof Failure && error.kind === "configuration") return error.message.split("\n");
    throw error;
  }
}
