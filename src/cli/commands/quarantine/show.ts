// `fetch-etl quarantine show`: shows a message, and with --raw its body, which is recorded.
import { readDatabase } from "../../../config/database.ts";
import { readKeysIfSet } from "../../../config/masking-key.ts";
import { Failure } from "../../../failure.ts";
import type { Quarantine } from "../../../postgres/quarantine.ts";
import { createBodyOpener, type BodyOpener } from "../../../quarantine/message.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { adviseOnKey } from "../../key-advice.ts";
import { DATABASE, MASKING_KEY, withSecrets } from "../../secrets.ts";
import { count, printable } from "../../terminal/style.ts";
import { readReason } from "../../vault-request.ts";
import * as report from "./report.ts";
import { withQuarantine } from "./selection.ts";

interface ShowFlags {
  readonly raw?: boolean;
  readonly reason?: string;
  readonly json?: boolean;
}

export async function runQuarantineShow(
  flags: ShowFlags,
  context: Context,
  [id = ""]: readonly string[],
): Promise<number> {
  const { problems } = context;
  const isRaw = flags.raw === true;
  const resolved = await withSecrets(context, problems, isRaw ? [...DATABASE, ...MASKING_KEY] : DATABASE);
  const database = readDatabase(resolved, problems);
  const keys = isRaw ? readKeysIfSet(resolved, problems) : [];
  if (keys === undefined) await adviseOnKey(context, database);
  const raw = isRaw
    ? { reason: readReason(flags.reason, problems, "--raw"), open: createBodyOpener(keys ?? []) }
    : undefined;
  if (!isRaw && flags.reason !== undefined)
    problems.add("--reason is for --raw: without it, show opens nothing, and records nothing.");
  const needed = problems.complete({ database });

  const { shown, total } = await withQuarantine(context, needed.database, (quarantine) =>
    find(quarantine, id, raw),
  );
  if (shown.length < total)
    context.log.warn(`${count(total)} messages have this id: the first ${count(shown.length)} are shown.`);
  if (shown.some(({ opened }) => opened?.outcome === "opened"))
    context.log.warn("--raw shows the original bodies, including personal data. The request is recorded.");
  if (flags.json === true) report.writeFoundJson(context, shown);
  else report.writeFound(context, shown);
  return exitCodeOf(shown, context);
}

async function find(
  quarantine: Quarantine,
  id: string,
  raw: { readonly reason: string; readonly open: BodyOpener } | undefined,
): Promise<{ readonly shown: readonly report.ShownMessage[]; readonly total: number }> {
  const { messageIds: [messageId = ""] = [] } = await quarantine.select({ ids: [id] });
  if (raw !== undefined) {
    const { messages, total } = await quarantine.open(messageId, raw.reason, raw.open);
    return { shown: messages, total };
  }
  const { messages, total } = await quarantine.find(messageId);
  return { shown: messages.map((message) => ({ message, opened: undefined })), total };
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
