// `fetch-etl quarantine replay`: decodes the quarantined messages again and loads the valid ones.
import { readDatabase } from "../../../config/database.ts";
import { readHeldQueue } from "../../../config/queue.ts";
import { readMaskingKeys } from "../../../config/masking-key.ts";
import { Problems } from "../../../config/readers.ts";
import type { TableFlags } from "../../../config/table.ts";
import { readRecipients } from "../../../config/recovery.ts";
import { createBodyOpener } from "../../../quarantine/message.ts";
import { replay } from "../../../quarantine/replay.ts";
import { deriveKeys } from "../../../masking/keys.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { readAppVersionStyle } from "../../shared-options.ts";
import { writeReplayed, writeReplayedJson, writeUnopened } from "./report.ts";
import { withQuarantine } from "./open.ts";

export interface QuarantineReplayFlags extends TableFlags {
  readonly queue?: string;
  readonly appVersion?: string;
  readonly json?: boolean;
}

/** @returns the exit code */
export async function runQuarantineReplay(flags: QuarantineReplayFlags, context: Context): Promise<number> {
  const problems = new Problems();
  const appVersion = readAppVersionStyle(flags.appVersion, problems);
  const masterKeys = readMaskingKeys(context.env, context.readFile, problems);
  const database = readDatabase(context.env, problems, flags);
  const recipients = readRecipients(context.env, problems);
  const queue = readHeldQueue(flags.queue, problems);
  const needed = problems.complete({ masterKeys, database });

  const sealer = recipients === undefined ? undefined : await context.services.createSealer(recipients);
  const [first, ...earlier] = needed.masterKeys.reveal();
  const keys = deriveKeys(first);
  const open = createBodyOpener([keys, ...earlier.map((key) => deriveKeys(key))]);
  const { randomBytes } = context;
  const report = await withQuarantine(context, needed.database, async (quarantine) =>
    replay(await quarantine.openReplay(sealer?.dataKey, queue), open, {
      keys,
      appVersion,
      randomBytes,
      sealer,
    }),
  );
  if (flags.json === true) writeReplayedJson(context, report);
  else writeReplayed(context, report);
  writeUnopened(context, report);
  return report.altered.length > 0 ? EXIT.mismatch : EXIT.done;
}
