// `fetch-etl rotate`: re-masks rows and vault entries of earlier masking keys with the first one.
import { place, readDatabase } from "../../../config/database.ts";
import { readMapping, type MappingFlags } from "../../../config/mapping.ts";
import { readMaskingKeys } from "../../../config/masking-key.ts";
import { tableText, type TableFlags } from "../../../config/table.ts";
import { maskedFields } from "../../../mapping/fields.ts";
import { AlteredEntry, createRemask } from "../../../recovery/remask.ts";
import { rotate } from "../../../recovery/rotate.ts";
import type { Context } from "../../context.ts";
import { DATABASE, MASKING_KEY, readIdentity, withSecrets } from "../../secrets.ts";
import { EXIT, exitCodeOfStop } from "../../exit-codes.ts";
import { opened } from "../../opening.ts";
import { warnOfKept, warnOfLeft, writeAltered, writeRotated, writeRotatedJson } from "./report.ts";

export interface RotateFlags extends Pick<MappingFlags, "mapping">, TableFlags {
  readonly identity: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** All drains should use the new list of keys first. Rows that a drain adds with an earlier key need another rotation. */
export async function runRotate(flags: RotateFlags, context: Context): Promise<number> {
  const { problems } = context;
  const mapping = await readMapping(flags, context.readFile, problems);
  const resolved = await withSecrets(context, problems, [...MASKING_KEY, ...DATABASE]);
  const { identity, keys, database } = problems.complete({
    identity: await readIdentity(flags.identity, context, problems),
    keys: readMaskingKeys(resolved, problems),
    database: readDatabase(resolved, problems, flags, mapping),
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
    context.services.openRotation(database, keyId, remask),
    { clock: context.clock, stop },
  );
  if (rotation === undefined) return exitCodeOfStop(stop);
  try {
    const report = await rotate(rotation, stop);
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
