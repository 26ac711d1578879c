// `fetch-etl quarantine list`, `show`, `replay` and `purge`.
import { readDatabase, type DatabaseSettings } from "../../../config/database.ts";
import { readMapping, type MappingFlags } from "../../../config/mapping.ts";
import { readKeysIfSet, readMaskingKeys } from "../../../config/masking-key.ts";
import { readHeldQueue } from "../../../config/queue.ts";
import { duration, Problems } from "../../../config/readers.ts";
import { readRecipients } from "../../../config/recovery.ts";
import type { TableFlags } from "../../../config/table.ts";
import { Failure } from "../../../failure.ts";
import type { Quarantine } from "../../../postgres/quarantine.ts";
import { compile } from "../../../mapping/compile.ts";
import { createBodyOpener } from "../../../quarantine/message.ts";
import { replay } from "../../../quarantine/replay.ts";
import type { Context } from "../../context.ts";
import { DATABASE, MASKING_KEY, withSecrets } from "../../secrets.ts";
import { EXIT } from "../../exit-codes.ts";
import { writeJson } from "../../output.ts";
import { count, listText, printable } from "../../terminal/style.ts";
import * as report from "./report.ts";

interface Flags {
  readonly json?: boolean;
}

export async function runQuarantineList({ json }: Flags, context: Context): Promise<number> {
  const { problems } = context;
  const resolved = await withSecrets(context, problems, DATABASE);
  const { database } = problems.complete({ database: readDatabase(resolved, problems) });
  // Counting needs no key, so an invalid key is not an error here.
  const ignored = new Problems();
  const keyIds =
    json === true
      ? []
      : readKeysIfSet(await withSecrets(context, ignored, MASKING_KEY), ignored).map(({ keyId }) => keyId);
  const summary = await withQuarantine(context, database, (quarantine) => quarantine.summary());
  if (summary.cut) {
    const shown = count(summary.reasons.length);
    context.log.warn(`There are ${shown} reasons or more: the most frequent ${shown} are shown.`);
  }
  if (json === true) report.writeHeldJson(context, summary);
  else report.writeHeld(context, summary, keyIds);
  return EXIT.done;
}

export async function runQuarantineShow(
  flags: Flags & { readonly raw?: boolean },
  context: Context,
  [id = ""]: readonly string[],
): Promise<number> {
  const { problems } = context;
  const isRaw = flags.raw === true;
  const resolved = await withSecrets(context, problems, isRaw ? [...DATABASE, ...MASKING_KEY] : DATABASE);
  const database = readDatabase(resolved, problems);
  const open = isRaw ? createBodyOpener(readKeysIfSet(resolved, problems)) : undefined;
  const needed = problems.complete({ database });

  const found = await withQuarantine(context, needed.database, (quarantine) => quarantine.find(id));
  const { messages, total } = found;
  if (messages.length === 0) {
    throw new Failure(
      "configuration",
      'fetch_etl.quarantine has no message with this id. "fetch-etl quarantine list" shows an example id for each reason.',
    );
  }
  if (messages.length < total)
    context.log.warn(`${count(total)} messages have this id: the first ${count(messages.length)} are shown.`);
  const shown = messages.map((message) => ({ message, opened: open?.(message) }));
  if (shown.some(({ opened }) => opened?.outcome === "opened"))
    context.log.warn("--raw shows the original bodies, including personal data.");
  if (flags.json === true) report.writeFoundJson(context, shown);
  else report.writeFound(context, shown);
  return exitCodeOf(shown, context);
}

function exitCodeOf(shown: readonly report.ShownMessage[], context: Context): number {
  const withOutcome = (outcome: string): report.ShownMessage[] =>
    shown.filter(({ opened }) => opened?.outcome === outcome);
  const altered = withOutcome("altered");
  for (const { message } of altered) {
    context.log.error(
      `Cannot decrypt the body from queue ${printable(message.queue)}: it was altered after encryption.`,
    );
  }
  const missing = new Set(withOutcome("no key").map(({ message }) => message.body.keyId));
  if (missing.size > 0) {
    throw new Failure(
      "configuration",
      `Cannot decrypt the body: masking key ${printable([...missing].join(", "))} is not configured. ` +
        "Add it to FETCH_ETL_MASKING_KEY after the first key, separated by a comma.",
    );
  }
  return altered.length > 0 ? EXIT.mismatch : EXIT.done;
}

interface ReplayFlags extends Flags, MappingFlags, TableFlags {
  readonly queue?: string;
}

export async function runQuarantineReplay(flags: ReplayFlags, context: Context): Promise<number> {
  const { env, readFile, randomBytes, services } = context;
  const { problems } = context;
  const mapping = await readMapping(flags, readFile, problems);
  const resolved = await withSecrets(context, problems, [...MASKING_KEY, ...DATABASE]);
  const masking = readMaskingKeys(resolved, problems);
  const database = readDatabase(resolved, problems, flags, mapping);
  const recipients = readRecipients(env, problems);
  const queue = readHeldQueue(flags.queue, problems);
  const needed = problems.complete({ masking, database });

  const sealer = recipients === undefined ? undefined : await services.createSealer(recipients);
  const [keys] = needed.masking;
  const open = createBodyOpener(needed.masking);
  const replayed = await withQuarantine(context, needed.database, async (quarantine) => {
    if (queue === undefined) requireOne(await quarantine.queues());
    const store = await quarantine.openReplay(sealer?.dataKey, queue);
    return replay(store, open, { plan: compile(mapping, keys), keys, randomBytes, sealer });
  });
  if (flags.json === true) report.writeReplayedJson(context, replayed);
  else report.writeReplayed(context, replayed);
  report.writeUnopened(context, replayed);
  return replayed.altered.length > 0 ? EXIT.mismatch : EXIT.done;
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

/** A hundred years. Postgres can subtract this from any current time. */
const MOST_DAYS = 36_500;

export async function runQuarantinePurge(
  flags: Flags & { readonly olderThan?: string },
  context: Context,
): Promise<number> {
  const { problems } = context;
  const range = { min: 0, max: MOST_DAYS };
  const days = duration(flags.olderThan, "--older-than", "day", range, problems) ?? MOST_DAYS;
  const resolved = await withSecrets(context, problems, DATABASE);
  const { database } = problems.complete({ database: readDatabase(resolved, problems) });
  const purged = await withQuarantine(context, database, (quarantine) => quarantine.purge(days));
  if (flags.json === true) writeJson(context.stdout, { command: "quarantine purge", purged });
  else report.writePurged(context, purged);
  return EXIT.done;
}

async function withQuarantine<T>(
  { services }: Context,
  settings: DatabaseSettings,
  use: (quarantine: Quarantine) => Promise<T>,
): Promise<T> {
  const quarantine = await services.openQuarantine(settings);
  try {
    return await use(quarantine);
  } finally {
    await quarantine.close();
  }
}
