// `fetch-etl quarantine list`: counts the quarantined messages by reason.
import { readDatabase } from "../../../config/database.ts";
import { Problems } from "../../../config/readers.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { count } from "../../terminal/style.ts";
import { writeHeld, writeHeldJson } from "./report.ts";
import { keysAtHand, withQuarantine } from "./open.ts";

export interface QuarantineListFlags {
  readonly json?: boolean;
}

/** @returns the exit code */
export async function runQuarantineList(flags: QuarantineListFlags, context: Context): Promise<number> {
  const problems = new Problems();
  const { database } = problems.complete({ database: readDatabase(context.env, problems) });
  // Counting takes no key, so that one that cannot be used is none.
  const keyIds = keysAtHand(context, new Problems()).map(({ keyId }) => keyId);
  const summary = await withQuarantine(context, database, (quarantine) => quarantine.summary());
  if (summary.cut) {
    const shown = count(summary.reasons.length);
    context.log.warn(`There are ${shown} reasons or more: the most frequent ${shown} are shown.`);
  }
  if (flags.json === true) writeHeldJson(context, summary);
  else writeHeld(context, summary, keyIds);
  return EXIT.done;
}
