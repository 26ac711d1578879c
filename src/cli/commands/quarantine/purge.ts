// `fetch-etl quarantine purge`: deletes old quarantined messages.
import { readDatabase } from "../../../config/database.ts";
import { wholeNumber, Problems } from "../../../config/readers.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { writePurged, writePurgedJson } from "./report.ts";
import { withQuarantine } from "./open.ts";

export interface QuarantinePurgeFlags {
  readonly olderThan?: string;
  readonly json?: boolean;
}

/** A hundred years. Postgres can subtract this from any current time. */
const MOST_DAYS = 36_500;

/** @returns the exit code */
export async function runQuarantinePurge(flags: QuarantinePurgeFlags, context: Context): Promise<number> {
  const problems = new Problems();
  const range = { min: 0, max: MOST_DAYS };
  const days = wholeNumber(flags.olderThan, "--older-than", range, problems) ?? MOST_DAYS;
  const { database } = problems.complete({ database: readDatabase(context.env, problems) });
  const purged = await withQuarantine(context, database, (quarantine) => quarantine.purge(days));
  if (flags.json === true) writePurgedJson(context, purged);
  else writePurged(context, purged);
  return EXIT.done;
}
