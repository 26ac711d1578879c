// `fetch-etl forget`: shows what it would delete, asks, deletes vault entries and quarantined messages, and records the request.
import { readDatabase } from "../../../config/database.ts";
import { readMapping, type MappingFlags } from "../../../config/mapping.ts";
import { readKeysIfSet } from "../../../config/masking-key.ts";
import type { Problems } from "../../../config/readers.ts";
import type { TableFlags } from "../../../config/table.ts";
import { readSought, type SoughtValue } from "../../../mapping/find.ts";
import { Invalid, type Mapping } from "../../../mapping/mapping.ts";
import type { MaskingKeys } from "../../../masking/keys.ts";
import type { Asked } from "../../../postgres/forget.ts";
import type { Vault } from "../../../postgres/vault.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { adviseOnKey } from "../../key-advice.ts";
import { DATABASE, MASKING_KEY, withSecrets } from "../../secrets.ts";
import { confirm } from "../../terminal/confirm.ts";
import { wrapLines } from "../../terminal/table.ts";
import { readReason, readVaultRequest } from "../../vault-request.ts";
import { noteRemasked } from "../reveal/report.ts";
import { forgetJson, forgottenText, isEmpty, surveyText, warnOfLate, warnOfRest } from "./report.ts";

export interface ForgetFlags extends Pick<MappingFlags, "mapping">, TableFlags {
  readonly reason: string;
  readonly where?: string;
  readonly purgeQuarantine?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/**
 * Needs a database, but no identity and no queue, and a masking key only to search the quarantine. Forgets all values or none. A later
 * message with the same value stores it again.
 */
export async function runForget(
  flags: ForgetFlags,
  context: Context,
  args: readonly string[],
): Promise<number> {
  const { problems } = context;
  const resolved = await withSecrets(context, problems, [...DATABASE, ...MASKING_KEY]);
  const mapping = await readMapping(flags, context.readFile, problems);
  const database = readDatabase(resolved, problems, flags, mapping);
  const usable = readKeysIfSet(resolved, problems);
  const purge = flags.purgeQuarantine === true;
  const lacksKey = purge && usable?.length === 0;
  if (lacksKey) {
    problems.add("--purge-quarantine needs the masking key to decrypt bodies: set FETCH_ETL_MASKING_KEY.");
  }
  if (lacksKey || usable === undefined) await adviseOnKey(context, database);
  const keys = usable ?? [];
  const { asked, reason } = await readRequest(flags, mapping, context, args);
  const needed = problems.complete({ database, asked });

  const where = "where" in needed.asked ? needed.asked.where : undefined;
  const search = { keys, mapping, purge, where };
  const vault = await context.services.openVault(needed.database);
  const survey = await vault.survey(await followed(vault, needed.asked, keys, context), search);
  const request = { column: where?.column.name, keyIds: keys.map(({ keyId }) => keyId) };
  const { stdout, stderr, log } = context;
  const [dryRun, json] = [flags.dryRun === true, flags.json === true];
  const asks = !dryRun && flags.yes !== true && log.format === "text";
  // Before a question on stderr, also if stdout is not the terminal.
  const shown = asks ? stderr : json ? undefined : stdout;
  shown?.write(wrapLines(surveyText(survey, request), shown.columns));
  warnOfRest(context, survey, request);
  if (dryRun || isEmpty(survey)) {
    if (json) stdout.write(forgetJson(survey, undefined, dryRun, request));
    else if (dryRun) stdout.write("This was a dry run: nothing was deleted.\n");
    return EXIT.done;
  }
  if (!(await confirm(context, "Delete for ever?", flags.yes))) return EXIT.done;
  const tokens = survey.tokens.map(({ token }) => token);
  const result = await vault.forget(tokens, reason, { ...search, shown: survey.doomed });
  stdout.write(
    json ? forgetJson(survey, result, false, request) : wrapLines(forgottenText(result), stdout.columns),
  );
  warnOfLate(context, survey, result);
  return EXIT.done;
}

/** With the tokens that replaced those of earlier masking keys. */
async function followed(
  vault: Vault,
  asked: Asked,
  keys: readonly MaskingKeys[],
  context: Context,
): Promise<Asked> {
  if ("where" in asked) return asked;
  const now = await vault.follow(asked.tokens, keys);
  noteRemasked(context, now);
  return { tokens: asked.tokens.map((token) => now.get(token)?.token ?? token) };
}

/** Either tokens or --where. */
async function readRequest(
  flags: ForgetFlags,
  mapping: Mapping,
  context: Context,
  args: readonly string[],
): Promise<{ readonly asked: Asked | undefined; readonly reason: string }> {
  const { problems } = context;
  if (flags.where === undefined) {
    const { tokens, reason } = await readVaultRequest(args, flags.reason, context, problems);
    return { asked: { tokens }, reason };
  }
  if (args.length > 0) problems.add("Give tokens or --where, not both.");
  const where = readWhere(flags.where, mapping, problems);
  return { asked: where && { where }, reason: readReason(flags.reason, problems) };
}

/** Mistakes do not quote the value. */
function readWhere(text: string, mapping: Mapping, problems: Problems): SoughtValue | undefined {
  const columns = mapping.columns.filter(({ mask, type }) => mask === undefined && type !== "jsonb");
  const column = columns.find(({ name }) => text.startsWith(`${name}=`));
  if (column === undefined) {
    problems.add(
      `--where takes COLUMN=VALUE, and the column must be one of the mapping that is neither masked nor jsonb: ${columns.map(({ name }) => name).join(", ")}.`,
    );
    return undefined;
  }
  const sought = readSought(column, text.slice(column.name.length + 1));
  if (!(sought instanceof Invalid)) return sought;
  problems.add(`--where: no row can have this value in column ${column.name}: ${sought.reason}.`);
  return undefined;
}
