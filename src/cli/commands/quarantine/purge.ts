// `fetch-etl quarantine purge`: deletes messages for ever, after it has shown which.
import { readDatabase } from "../../../config/database.ts";
import { Failure } from "../../../failure.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { writeJson } from "../../output.ts";
import { DATABASE, withSecrets } from "../../secrets.ts";
import { confirm } from "../../terminal/confirm.ts";
import { count, plural } from "../../terminal/style.ts";
import * as report from "./report.ts";
import { readSelection, shortIds, withQuarantine, type SelectionFlags } from "./selection.ts";

interface PurgeFlags extends Pick<SelectionFlags, "reason" | "queue" | "olderThan"> {
  readonly neverReplayed?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export async function runQuarantinePurge(
  flags: PurgeFlags,
  context: Context,
  ids: readonly string[],
): Promise<number> {
  const { problems } = context;
  const wanted = readSelection(flags, ids, problems);
  if (ids.length === 0 && flags.olderThan === undefined)
    problems.add("Name the messages to delete by their ids, or by their age with --older-than.");
  const resolved = await withSecrets(context, problems, DATABASE);
  const { database } = problems.complete({ database: readDatabase(resolved, problems) });
  const withHeld = flags.neverReplayed === true;
  return withQuarantine(context, database, async (quarantine) => {
    // Messages that arrive while the question is open are newer than this.
    const selection = await quarantine.select({ ...wanted, olderThan: wanted.olderThan ?? 0 });
    const held = await quarantine.summary(selection);
    if (ids.length > 0 && !withHeld && held.total > 0) throw onlyCopies(held.total);
    const chosen = await quarantine.summary(selection, undefined, withHeld ? "any" : "replayed");
    const kept = withHeld ? 0 : held.total;
    if (chosen.total > 0) {
      if (flags.json !== true || flags.yes !== true)
        report.writeChosen(
          context,
          chosen,
          await shortIds(
            quarantine,
            chosen.reasons.map(({ example }) => example),
          ),
        );
      if (!(await confirm(context, question(chosen.total, withHeld ? held.total : 0), flags.yes)))
        return EXIT.done;
    }
    const purged = chosen.total === 0 ? 0 : await quarantine.purge(selection, withHeld ? "any" : "replayed");
    if (flags.json === true) {
      const reasons = chosen.reasons.map((each) => ({ reason: each.reason, count: each.count }));
      writeJson(context.stdout, { command: "quarantine purge", purged, kept, reasons });
    } else report.writePurged(context, purged, kept);
    return EXIT.done;
  });
}

function onlyCopies(messages: number): Failure {
  const what = `${plural(messages, "of these messages was", "of these messages were")} never replayed`;
  return new Failure(
    "configuration",
    `Nothing was deleted: ${what}, and the quarantine may have the only copy. ` +
      "Replay them first, or add --never-replayed to delete them too.",
  );
}

function question(messages: number, neverReplayed: number): string {
  const copies = `, including ${count(neverReplayed)} never replayed (possibly the only copy)`;
  return `Delete ${plural(messages, "message")} for ever${neverReplayed === 0 ? "" : copies}?`;
}
