// `fetch-etl quarantine show`: shows a quarantined message, and with `--raw` its body.
import { readDatabase } from "../../../config/database.ts";
import { Problems } from "../../../config/readers.ts";
import { createBodyOpener } from "../../../quarantine/message.ts";
import { Failure } from "../../../failure.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { writeFound, writeFoundJson, type ShownMessage } from "./show-report.ts";
import { count, printable } from "../../terminal/style.ts";
import { keysAtHand, withQuarantine } from "./open.ts";

export interface QuarantineShowFlags {
  readonly raw?: boolean;
  readonly json?: boolean;
}

/** @returns the exit code */
export async function runQuarantineShow(
  flags: QuarantineShowFlags,
  context: Context,
  [id = ""]: readonly string[],
): Promise<number> {
  const problems = new Problems();
  const database = readDatabase(context.env, problems);
  const raw = flags.raw === true;
  const open = raw ? createBodyOpener(keysAtHand(context, problems)) : undefined;
  const needed = problems.complete({ database });

  const found = await withQuarantine(context, needed.database, (quarantine) => quarantine.find(id));
  const { messages, total } = found;
  if (messages.length === 0) {
    throw new Failure(
      "configuration",
      'fetch_etl.quarantine has no message with this id. "fetch-etl quarantine list" shows an example id for each reason.',
    );
  }
  if (messages.length < total)
    context.log.warn(`${count(total)} messages have this id: the first ${count(messages.length)} are shown.`);
  const shown = messages.map((message) => ({ message, opened: open?.(message) }));
  if (shown.some(({ opened }) => opened?.outcome === "opened"))
    context.log.warn("--raw shows the original bodies, including personal data.");
  if (flags.json === true) writeFoundJson(context, shown);
  else writeFound(context, shown);
  return exitCodeOf(shown, context);
}

function exitCodeOf(shown: readonly ShownMessage[], context: Context): number {
  const withOutcome = (outcome: string): ShownMessage[] =>
    shown.filter(({ opened }) => opened?.outcome === outcome);
  const altered = withOutcome("altered");
  for (const { message } of altered) {
    context.log.error(
      `Cannot decrypt the body from queue ${printable(message.queue)}: it was altered after encryption.`,
    );
  }
  const missing = new Set(withOutcome("no key").map(({ message }) => message.body.keyId));
  if (missing.size > 0) {
    throw new Failure(
      "configuration",
      `Cannot decrypt the body: masking key ${printable([...missing].join(", "))} is not configured. ` +
        "Add it to FETCH_ETL_MASKING_KEY after the first key, separated by a comma.",
    );
  }
  return altered.length > 0 ? EXIT.mismatch : EXIT.done;
}
