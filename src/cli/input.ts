// The items a command works on: its arguments or, if there are none, the lines of standard input.
import { whyUnreadable } from "../config/files.ts";
import { Failure } from "../failure.ts";
import type { Context } from "./context.ts";

/** A value and its position, for error messages that must not show the value. */
export interface Given {
  readonly text: string;
  /** The number of the argument or the line, from 1. */
  readonly number: number;
  /** Such as `line 3` or `argument 1`. */
  readonly place: string;
}

/**
 * The arguments, or all lines of standard input, which must be UTF-8. Lines end with LF or CRLF, and empty lines are skipped. A value
 * that is empty or contains a line break can only be given as an argument.
 *
 * @throws {Failure} `configuration` if standard input cannot be read, or is not UTF-8
 */
export async function argumentsOrLines(args: readonly string[], context: Context): Promise<Given[]> {
  if (args.length > 0)
    return args.map((text, index) => ({ text, number: index + 1, place: `argument ${index + 1}` }));
  if (context.stdin.isTerminal)
    context.log.note("Reading standard input, one item per line; press Ctrl-D to finish.");
  return (await readStandardInput(context))
    .split(/\r?\n/)
    .map((text, index) => ({ text, number: index + 1, place: `line ${index + 1}` }))
    .filter(({ text }) => text !== "");
}

/**
 * All of standard input.
 *
 * @throws {Failure} `configuration` if it cannot be read, or is not UTF-8
 */
export async function readStandardInput(context: Context): Promise<string> {
  return decodeUtf8(await readAll(context));
}

async function readAll({ stdin }: Context): Promise<Uint8Array> {
  try {
    return await stdin.readAll();
  } catch (error) {
    throw new Failure("configuration", `Standard input ${whyUnreadable(error)}.`, error);
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  let text: string | undefined;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Reported below.
  }
  // ASCII text in UTF-16 is valid UTF-8 with a NUL after each character. No value contains NUL.
  if (text === undefined || text.includes("\0"))
    throw new Failure("configuration", "Standard input is not UTF-8 text.");
  return text;
}
