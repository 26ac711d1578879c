// `fetch-etl quarantine list`: counts the messages by reason, or lists them.
import { readDatabase } from "../../../config/database.ts";
import { readMapping, type MappingFlags } from "../../../config/mapping.ts";
import { readKeysIfSet } from "../../../config/masking-key.ts";
import { Problems } from "../../../config/readers.ts";
import { reasonGroup } from "../../../mapping/reason-group.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { DATABASE, MASKING_KEY, withSecrets } from "../../secrets.ts";
import { count } from "../../terminal/style.ts";
import * as report from "./report.ts";
import { readSelection, shortIds, withQuarantine, type SelectionFlags } from "./selection.ts";

interface ListFlags extends SelectionFlags, Pick<MappingFlags, "mapping"> {
  readonly messages?: boolean;
  readonly json?: boolean;
}

export async function runQuarantineList(flags: ListFlags, context: Context): Promise<number> {
  const { problems, log } = context;
  const { json } = flags;
  const wanted = readSelection(flags, [], problems);
  const mapping = await readMapping(flags, context.readFile, problems);
  const resolved = await withSecrets(context, problems, DATABASE);
  const { database } = problems.complete({ database: readDatabase(resolved, problems) });
  // Counting needs no key, so an invalid key is not an error here.
  const ignored = new Problems();
  const keyIds =
    json === true
      ? []
      : (readKeysIfSet(await withSecrets(context, ignored, MASKING_KEY), ignored) ?? []).map(
          ({ keyId }) => keyId,
        );
  const group = reasonGroup(mapping);
  await withQuarantine(context, database, async (quarantine) => {
    const selection = await quarantine.select(wanted);
    const summary = await quarantine.summary(selection, group);
    if (summary.cut) {
      const shown = count(summary.reasons.length);
      log.warn(`There are ${shown} reasons or more: the most frequent ${shown} are shown.`);
    }
    const listed = flags.messages === true ? await quarantine.list(selection) : undefined;
    if (listed?.cut === true)
      log.warn(
        `The first ${count(listed.messages.length)} of ${count(summary.total)} messages are listed. Select others with --reason, --queue, --since or --older-than.`,
      );
    if (json === true) {
      report.writeHeldJson(context, summary, listed);
      return;
    }
    const ids = [
      ...summary.reasons.map(({ example }) => example),
      ...(listed?.messages ?? []).map(({ messageId }) => messageId),
    ];
    const shortId = await shortIds(quarantine, ids);
    if (listed === undefined) report.writeHeld(context, summary, { keyIds, shortId });
    else report.writeListed(context, summary.total, listed, { group, shortId });
  });
  return EXIT.done;
}
