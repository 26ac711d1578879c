// Lines on stderr.
import type { Notices } from "../../drainer/ports.ts";
import type { Context } from "../context.ts";
import { paintFor } from "./paint.ts";

export function writeWarning(context: Context, text: string): void {
  context.stderr.write(`${paintFor(context.stderr, context.env).yellow("warning:")} ${text}\n`);
}

export function writeNote(context: Context, text: string): void {
  context.stderr.write(`${text}\n`);
}

/** For what comes up on the way; notes are left out where the user wants quiet. */
export function noticesOf(context: Context, quiet: boolean | undefined): Notices {
  return {
    note: (line) => {
      if (quiet !== true) writeNote(context, line);
    },
    warn: (line) => {
      writeWarning(context, line);
    },
  };
}

/** Each line of the text is a sentence of its own. */
export function writeError(context: Pick<Context, "stderr" | "env">, text: string): void {
  const label = paintFor(context.stderr, context.env).red("error:");
  for (const line of text.split("\n")) context.stderr.write(`${label} ${line}\n`);
}
