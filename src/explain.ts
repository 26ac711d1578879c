// Turns any thrown value into an exit code and a sentence that contains no data.
import { EXIT, type Explanation } from "./cli/exit-codes.ts";
import { LoadError, Throttled } from "./drain/ports.ts";
import { Failure } from "./failure.ts";

export function explain(error: unknown): Explanation {
  if (error instanceof LoadError) return explain(error.failure);
  if (error instanceof Throttled)
    return { code: EXIT.unavailable, sentence: "SQS is throttling requests. Try again later." };
  if (error instanceof Failure) return { code: EXIT[error.kind], sentence: error.message };
  // Messages of other errors may quote data.
  const name = error instanceof Error ? nameOf(error) : typeof error;
  return {
    code: EXIT.unexpected,
    sentence: `Unexpected error (${name}). Run the command with --debug to see where it happened.`,
  };
}

/** A stack frame in the Postgres driver. */
const DRIVER = /[\\/]node_modules[\\/]postgres[\\/]/;

/** Explains an uncaught error. The driver throws some when a connection closes; all others are bugs in fetch-etl. */
export function uncaught(error: unknown): unknown {
  const lines = error instanceof Error ? (error.stack ?? "").split("\n") : [];
  const first = lines.find((line) => line.trimStart().startsWith("at ")) ?? "";
  if (!DRIVER.test(first)) return error;
  return new Failure("unavailable", "The connection to Postgres closed unexpectedly. Try again.", error);
}

/** The stack frames of an error and its causes, without the messages, which may quote data. */
export function frames(error: unknown): string {
  const lines: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause) {
    lines.push(nameOf(each), ...framesOf(each));
  }
  return lines.map((line) => `${line}\n`).join("");
}

/** The AWS SDK takes the name of an error from the server's answer, so that it can be any text. */
function nameOf({ name }: Error): string {
  return /^[A-Za-z][\w.-]{0,79}$/.test(name) ? name : "Error";
}

const FRAME = /^ +at .*(:\d+:\d+|<anonymous>|native)\)?$/;

/** The last lines of the stack. Lines of the message, which comes first, can have the form of a frame. */
function framesOf({ stack = "", message }: Error): readonly string[] {
  const start = stack.indexOf(message);
  const lines = stack.slice(start === -1 ? 0 : start + message.length).split("\n");
  return lines.slice(lines.findLastIndex((line) => !FRAME.test(line)) + 1);
}
