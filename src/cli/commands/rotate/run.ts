// `fetch-etl rotate`: re-masks rows and vault entries of earlier masking keys with the first one.
import { place, readDatabase, type DatabaseSettings } from "../../../config/database.ts";
import { readMapping, type MappingFlags } from "../../../config/mapping.ts";
import { readMaskingKeys } from "../../../config/masking-key.ts";
import { tableText, type TableFlags } from "../../../config/table.ts";
import type { Secret } from "../../../config/secret.ts";
import { maskedFields } from "../../../mapping/fields.ts";
import type { MaskingKeys } from "../../../masking/keys.ts";
import { AlteredEntry, createRemask } from "../../../recovery/remask.ts";
import { rotate } from "../../../recovery/rotate.ts";
import type { Context } from "../../context.ts";
import { DATABASE, MASKING_KEY, readIdentity, withSecrets } from "../../secrets.ts";
import { EXIT, exitCodeOfStop } from "../../exit-codes.ts";
import { adviseOnKey } from "../../key-advice.ts";
import { opened } from "../../opening.ts";
import {
  warnOfKept,
  warnOfLeft,
  writeAltered,
  writeRotated,
  writeRotatedJson,
  writeSurvey,
  writeSurveyJson,
} from "./report.ts";

export interface RotateFlags extends Pick<MappingFlags, "mapping">, TableFlags {
  readonly identity?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** All drains should use the new list of keys first. Rows that a drain adds with an earlier key need another rotation. */
export async function runRotate(flags: RotateFlags, context: Context): Promise<number> {
  const { problems } = context;
  const mapping = await readMapping(flags, context.readFile, problems);
  const resolved = await withSecrets(context, problems, [...MASKING_KEY, ...DATABASE]);
  const settings = {
    keys: readMaskingKeys(resolved, problems),
    database: readDatabase(resolved, problems, flags, mapping),
  };
  if (settings.keys === undefined) await adviseOnKey(context, settings.database);
  if (flags.dryRun === true) return dryRun(flags, context, problems.complete(settings));
  const { identity, keys, database } = problems.complete({
    ...settings,
    identity: await requireIdentity(flags.identity, context),
  });

  const [{ keyId }] = keys;
  const remask = createRemask({
    opener: await context.services.createOpener(identity.reveal()),
    keys,
    fields: maskedFields(mapping),
    randomBytes: context.randomBytes,
  });
  const stop = context.catchSignals();
  const rotation = await opened(
    `Postgres at ${place(database)}`,
    context.services.openRotation(database, keyId, remask, flags.yes === true),
    { clock: context.clock, stop },
  );
  if (rotation === undefined) return exitCodeOfStop(stop);
  try {
    const report = await rotate(rotation, stop);
    if (!stop.aborted) await rotation.finish();
    if (flags.json === true) writeRotatedJson(context, keyId, report);
    else if (flags.quiet !== true) writeRotated(context, keyId, report);
    warnOfKept(context, report);
    warnOfLeft(context, tableText(database.table), report);
    return exitCodeOfStop(stop);
  } catch (error) {
    if (!(error instanceof AlteredEntry)) throw error;
    writeAltered(context, error.token);
    return EXIT.mismatch;
  } finally {
    await rotation.close();
  }
}

async function requireIdentity(path: string | undefined, context: Context): Promise<Secret | undefined> {
  const { problems } = context;
  if (path !== undefined) return readIdentity(path, context, problems);
  problems.add("rotate needs --identity FILE to decrypt the values. Only --dry-run works without it.");
  return undefined;
}

async function dryRun(
  flags: RotateFlags,
  context: Context,
  {
    keys: [{ keyId }],
    database,
  }: {
    readonly keys: readonly [MaskingKeys, ...MaskingKeys[]];
    readonly database: DatabaseSettings;
  },
): Promise<number> {
  const survey = await context.services.surveyRotation(database, keyId);
  if (flags.json === true) writeSurveyJson(context, keyId, survey);
  else writeSurvey(context, { keyId, table: tableText(database.table) }, survey);
  return EXIT.done;
}
