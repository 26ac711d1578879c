// `fetch-etl quarantine replay`: reads messages again, and loads the valid ones.
import { readDatabase } from "../../../config/database.ts";
import { readMapping, type MappingFlags } from "../../../config/mapping.ts";
import { readMaskingKeys } from "../../../config/masking-key.ts";
import { readRecipients } from "../../../config/recovery.ts";
import type { TableFlags } from "../../../config/table.ts";
import { Failure } from "../../../failure.ts";
import { compile } from "../../../mapping/compile.ts";
import { reasonGroup } from "../../../mapping/reason-group.ts";
import { createBodyOpener } from "../../../quarantine/message.ts";
import { replay } from "../../../quarantine/replay.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { adviseOnKey } from "../../key-advice.ts";
import { DATABASE, MASKING_KEY, withSecrets } from "../../secrets.ts";
import { count, listText, plural, printable } from "../../terminal/style.ts";
import * as report from "./report.ts";
import { readSelection, shortIds, withQuarantine, type SelectionFlags } from "./selection.ts";

interface ReplayFlags extends Pick<SelectionFlags, "reason" | "queue">, MappingFlags, TableFlags {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export async function runQuarantineReplay(
  flags: ReplayFlags,
  context: Context,
  ids: readonly string[],
): Promise<number> {
  const { env, readFile, randomBytes, services } = context;
  const { problems } = context;
  const mapping = await readMapping(flags, readFile, problems);
  const resolved = await withSecrets(context, problems, [...MASKING_KEY, ...DATABASE]);
  const masking = readMaskingKeys(resolved, problems);
  const database = readDatabase(resolved, problems, flags, mapping);
  const recipients = readRecipients(env, problems);
  const wanted = readSelection(flags, ids, problems);
  if (masking === undefined) await adviseOnKey(context, database);
  const needed = problems.complete({ masking, database });

  const sealer = recipients === undefined ? undefined : await services.createSealer(recipients);
  const [keys] = needed.masking;
  const open = createBodyOpener(needed.masking);
  const dryRun = flags.dryRun === true;
  return withQuarantine(context, needed.database, async (quarantine) => {
    const selection = await quarantine.select(wanted);
    if (wanted.queue === undefined) requireOne(await quarantine.queues(selection));
    const { messageIds } = selection;
    if (messageIds !== undefined) {
      const { total } = await quarantine.summary({ messageIds }, undefined, "replayed");
      if (total > 0)
        context.log.note(`${plural(total, "message was", "messages were")} replayed before, and not again.`);
    }
    const store = await quarantine.openReplay(sealer?.dataKey, selection, dryRun ? "dry run" : "load");
    const settings = { plan: compile(mapping, keys), keys, randomBytes, sealer };
    const replayed = await replay(store, open, settings, reasonGroup(mapping));
    if (flags.json === true) report.writeReplayedJson(context, replayed, dryRun);
    else {
      const examples = replayed.remaining.list.map(({ example }) => example);
      report.writeReplayed(context, replayed, { dryRun, shortId: await shortIds(quarantine, examples) });
    }
    report.writeUnopened(context, replayed);
    return replayed.altered.length > 0 ? EXIT.mismatch : EXIT.done;
  });
}

/** Each queue may have a mapping of its own: another one would load other rows, or skip the message. */
function requireOne(queues: readonly string[]): void {
  if (queues.length < 2) return;
  throw new Failure(
    "configuration",
    `The quarantine has messages from ${count(queues.length)} queues, and a replay reads all of them with one mapping. ` +
      `Name the queue to replay with --queue: ${listText(queues.map(printable))}.`,
  );
}
