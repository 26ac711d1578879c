// `fetch-etl verify`: counts and checks the rows, the quarantine and the messages left in the queue.
import { place, readDatabase, shown } from "../../../config/database.ts";
import { wholeNumber } from "../../../config/readers.ts";
import { readMapping, type MappingFlags } from "../../../config/mapping.ts";
import { readOutputPath, writeOutputFile } from "../../../config/files.ts";
import { queueNameToShow, readQueue, type QueueFlags } from "../../../config/queue.ts";
import { qualifiedTable, tableText, type TableFlags } from "../../../config/table.ts";
import type { Context } from "../../context.ts";
import { DATABASE, withSecrets } from "../../secrets.ts";
import { EXIT } from "../../exit-codes.ts";
import { depthOf } from "../../queue-depth.ts";
import type { Verification } from "../../../postgres/verify.ts";
import { count, plural, printable } from "../../terminal/style.ts";
import { writeVerified, writeVerifiedJson, type Verified } from "./report.ts";

export interface VerifyFlags extends QueueFlags, MappingFlags, TableFlags {
  readonly expect?: string;
  readonly html?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const SOCKETS = 1;

export async function runVerify(flags: VerifyFlags, context: Context): Promise<number> {
  const { problems } = context;
  const expected = wholeNumber(flags.expect, "--expect", { min: 0 }, problems);
  const mapping = await readMapping(flags, context.readFile, problems);
  const html = readOutputPath(flags.html, "--html", context.checkWritable, problems);
  const queueSettings = readQueue(flags, context.env, SOCKETS, problems);
  const resolved = await withSecrets(context, problems, DATABASE, flags.region);
  const { database } = problems.complete({ database: readDatabase(resolved, problems, flags, mapping) });

  const quiet = flags.quiet === true;
  const isShown = flags.json === true || html !== undefined || !quiet;
  const verification = await context.services.verifyTables(database, isShown ? "values" : "counts");
  const depth = await depthOf(queueSettings, context);
  const queue = typeof depth === "string" ? null : depth;
  if (typeof depth === "string") context.log.warn(`The queue was not checked. ${depth}`);
  const table = tableText(database.table);
  const mismatches: string[] = [];
  if (verification.unmasked > 0) mismatches.push(unmaskedText(verification, table));
  if (expected !== undefined && verification.rows !== expected) {
    mismatches.push(`${table} has ${plural(verification.rows, "row")}; --expect is ${count(expected)}.`);
  }
  const verified: Verified = {
    ...verification,
    table: qualifiedTable(database.table),
    queue,
    expected,
    ok: mismatches.length === 0,
  };
  if (flags.json === true) writeVerifiedJson(context, verified);
  else if (!quiet) writeVerified(context, verified);
  for (const mismatch of mismatches) context.log.error(mismatch);
  let exitCode: number = verified.ok ? EXIT.done : EXIT.mismatch;
  if (html !== undefined) {
    // Imported on demand, because the chart library loads slowly.
    const { verifyPage } = await import("./page/page.ts");
    const page = verifyPage({
      verified,
      mismatches,
      table,
      database: `${shown(database.database)} at ${place(database)}`,
      queue: queueNameToShow(queueSettings.queue) ?? "(not shown)",
      at: context.epochNow(),
      version: context.versions.fetchEtl,
    });
    await writeOutputFile(context.writeFile, "--html", html, page).catch((error: unknown) => {
      context.log.error(context.explain(error).sentence);
      if (exitCode === EXIT.done) exitCode = EXIT.unexpected;
    });
  }
  return exitCode;
}

/** Columns that the message names. */
const MOST_NAMED = 5;

function unmaskedText({ unmasked, columns }: Verification, table: string): string {
  const names = [...columns].filter(([, column]) => (column.unmasked ?? 0) > 0).map(([name]) => name);
  const shown = names.slice(0, MOST_NAMED).map(printable);
  const others = names.length - shown.length;
  const anyOf = new Intl.ListFormat("en-GB", { type: "disjunction" });
  const named = anyOf.format(others > 0 ? [...shown, plural(others, "other")] : shown);
  return (
    `${plural(unmasked, `${named} value`)} in ${table} ${unmasked === 1 ? "is not a token" : "are not tokens"}: ` +
    "the table may contain unmasked personal data."
  );
}
