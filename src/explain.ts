// Turns what was thrown into an exit code and a sentence that quotes no data.
import { EXIT, type Explanation } from "./cli/exit-codes.ts";
import { DatabaseLost, RowRefused, StatementCancelled, Throttled } from "./drain/ports.ts";
import { Failure } from "./failure.ts";
import { AlteredEntry } from "./recovery/remask.ts";

export function explain(error: unknown): Explanation {
  if (error instanceof DatabaseLost || error instanceof RowRefused || error instanceof StatementCancelled) {
    return explain(error.failure);
  }
  if (error instanceof AlteredEntry) {
    return {
      code: EXIT.mismatch,
      sentence: "A vault entry was altered after it was encrypted.",
    };
  }
  if (error instanceof Throttled) {
    return { code: EXIT.unavailable, sentence: "SQS is throttling requests. Try again later." };
  }
  if (error instanceof Failure) {
    return { code: EXIT[error.kind], sentence: error.message };
  }
  // A message that is not one of ours may quote data.
  const name = error instanceof Error ? error.name : typeof error;
  return {
    code: EXIT.unexpected,
    sentence: `Unexpected error (${name}). Run the command with --debug to see where it happened.`,
  };
}

/** Where the driver's code is. */
const DRIVER = /[\\/]node_modules[\\/]postgres[\\/]/;

/** What an error that nobody waited for means: the driver has some when a connection ends at a bad moment. Others are bugs of our own. */
export function uncaught(error: unknown): unknown {
  const lines = error instanceof Error ? (error.stack ?? "").split("\n") : [];
  const first = lines.find((line) => line.trimStart().startsWith("at ")) ?? "";
  if (!DRIVER.test(first)) return error;
  return new Failure("unavailable", "The connection to Postgres closed unexpectedly. Try again.", error);
}

/** Where an error and its causes came from; only the places, because messages may quote data. */
export function frames(error: unknown): string {
  const lines: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause) {
    lines.push(each.name, ...(each.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line)));
  }
  return lines.map((line) => `${line}\n`).join("");
}
