// What a list of configuration mistakes tells the user.
import { Problems } from "../../src/config/readers.ts";
import { Failure } from "../../src/failure.ts";

interface Told<T> {
  readonly value: T;
  /** The sentences that the user would be told. */
  readonly told: string[];
}

/** Runs a reader. */
export function reading<T>(read: (problems: Problems) => T): Told<T> {
  const problems = new Problems();
  const value = read(problems);
  return { value, told: sentences(problems) };
}

export async function readingLater<T>(read: (problems: Problems) => Promise<T>): Promise<Told<T>> {
  const problems = new Problems();
  const value = await read(problems);
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
