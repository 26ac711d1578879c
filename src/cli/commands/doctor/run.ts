// `fetch-etl doctor`: checks everything a drain needs, and changes nothing.
import { allSkipped, DATABASE_CHECKS, QUEUE_CHECKS, type Check } from "../../../doctor/check.ts";
import { readDatabase } from "../../../config/database.ts";
import { readMapping, type MappingFlags } from "../../../config/mapping.ts";
import { Problems } from "../../../config/readers.ts";
import { readQueue, type QueueFlags } from "../../../config/queue.ts";
import type { TableFlags } from "../../../config/table.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { DATABASE, MASKING_KEY, withSecrets } from "../../secrets.ts";
import {
  checkDotEnv,
  checkMaskingKey,
  checkRecipient,
  checkSecrets,
  checkSettings,
  checkVersions,
} from "./local-checks.ts";
import { writeChecks, writeDiagnosisJson, writeSettings, writeVerdict } from "./report.ts";

export interface DoctorFlags extends QueueFlags, MappingFlags, TableFlags {
  readonly json?: boolean;
}

/** One for each permission, because they are tested at the same time. */
const SOCKETS = 3;

/** Checks the queue and the database in parallel, and reports them in a fixed order. */
export async function runDoctor(flags: DoctorFlags, context: Context): Promise<number> {
  const { env, services, epochNow, versions, problems } = context;
  const queue = readQueue(flags, env, SOCKETS, problems);
  const queueProblems = problems.sentences.length;
  const mapping = await readMapping(flags, context.readFile, problems);
  const secretProblems = new Problems();
  const sources = await withSecrets(context, secretProblems, [...MASKING_KEY, ...DATABASE], flags.region);
  const database = readDatabase(sources, problems, flags, mapping);
  const databaseProblems = problems.sentences.length - queueProblems;
  const keepsVault = (env["FETCH_ETL_RECOVERY_RECIPIENT"] ?? "").trim() !== "";
  const maskingKey = checkMaskingKey(sources);
  const local = [
    checkVersions(versions),
    ...checkSettings(problems),
    checkDotEnv(context),
    ...checkSecrets(sources),
    maskingKey.check,
    await checkRecipient(context),
  ];
  if (flags.json !== true) writeSettings(context);
  const tell = (checks: readonly Check[]): void => {
    if (flags.json !== true) writeChecks(context, checks);
  };
  tell(local);
  const { failed } = sources.secrets;
  const see = DATABASE.some((name) => failed.has(name))
    ? "not checked: see secrets"
    : "not checked: see settings";
  const outside = await Promise.all([
    queueProblems === 0
      ? services.checkQueue(queue, epochNow)
      : allSkipped(QUEUE_CHECKS, "not checked: see settings"),
    database === undefined || databaseProblems > 0
      ? allSkipped(DATABASE_CHECKS, see)
      : services.checkDatabase(database, keepsVault, epochNow, maskingKey.keyIds),
  ]);
  tell(outside.flat());
  const checks = [...local, ...outside.flat()];
  if (flags.json === true) writeDiagnosisJson(context, checks);
  else writeVerdict(context, checks);
  return exitCodeOf(checks);
}

/** A failure that must be fixed counts more than one that a retry can solve. */
function exitCodeOf(checks: readonly Check[]): number {
  const kinds = checks.flatMap((check) => (check.status === "failed" ? [check.kind] : []));
  if (kinds.length === 0) return EXIT.done;
  return kinds.includes("configuration") ? EXIT.configuration : EXIT.unavailable;
}
