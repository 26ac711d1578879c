// `fetch-etl verify`: counts and checks what is in the tables and what is left in the queue.
import { readDatabase } from "../../config/database.ts";
import { readDrain } from "../../config/drain.ts";
import { wholeNumber } from "../../config/numbers.ts";
import { Problems } from "../../config/problems.ts";
import { readQueue, type QueueFlags, type SqsSettings } from "../../config/queue.ts";
import { Throttled, type QueueDepth } from "../../drainer/ports.ts";
import { Failure } from "../../failure.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { writeOutputFile } from "../output-file.ts";
import { writeVerified, writeVerifiedJson, type Verified } from "../report/verify-report.ts";
import { noticesOf, writeError, writeWarning } from "../report/warn.ts";

export interface VerifyFlags extends QueueFlags {
  readonly expect?: string;
  readonly appVersion?: string;
  readonly html?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const SOCKETS = 1;

/** @returns the exit code */
export async function runVerify(flags: VerifyFlags, context: Context): Promise<number> {
  const problems = new Problems();
  const expected = wholeNumber(flags.expect, "--expect", { min: 0 }, problems);
  const { appVersion } = readDrain(flags, problems);
  if (flags.html === "") problems.add("--html takes the name of a file.");
  const queueSettings = readQueue(flags, context.env, SOCKETS, problems);
  const database = readDatabase(context.env, problems);
  problems.throwIfAny();
  if (database === undefined) throw new Failure("configuration", "There is no database.");

  const quiet = flags.quiet === true;
  const shown = flags.json === true || flags.html !== undefined || !quiet;
  const inspection = await context.services.inspect(database, shown ? { appVersion } : undefined);
  const queue = await depthOf(queueSettings, context, quiet);
  const mismatches: string[] = [];
  if (inspection.unmasked > 0) {
    mismatches.push(
      `${inspection.unmasked} masked_ip and masked_device_id values in user_logins are not tokens: personal data may stand there unmasked.`,
    );
  }
  if (expected !== undefined && inspection.rows !== expected) {
    mismatches.push(`user_logins has ${inspection.rows} rows, not the ${expected} of --expect.`);
  }
  const { distributions } = inspection;
  const verified: Verified = { ...inspection, queue, expected, ok: mismatches.length === 0 };
  if (flags.json === true) writeVerifiedJson(context, verified);
  else if (!quiet) writeVerified(context, verified);
  for (const mismatch of mismatches) writeError(context, mismatch);
  if (flags.html !== undefined && distributions !== undefined) {
    // What draws takes long to load.
    const { verifyPage } = await import("../report/page/verify-page.ts");
    const page = verifyPage({
      verified: { ...verified, distributions },
      mismatches,
      queue: queueSettings.queue,
      at: context.epochNow(),
      version: context.version,
    });
    await writeOutputFile(context, "--html", flags.html, page);
  }
  return verified.ok ? EXIT.done : EXIT.mismatch;
}

/** Null when the queue cannot be reached: the rows are checked all the same. */
async function depthOf(settings: SqsSettings, context: Context, quiet: boolean): Promise<QueueDepth | null> {
  try {
    const queue = await context.services.openQueue(settings, noticesOf(context, quiet));
    try {
      return await queue.depth();
    } finally {
      queue.close();
    }
  } catch (error) {
    if (!(error instanceof Failure) && !(error instanceof Throttled)) throw error;
    writeWarning(context, `The queue was not checked. ${error.message}`);
    return null;
  }
}
