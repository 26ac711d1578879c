// `fetch-etl mapping try`: reads message bodies from standard input, and prints the rows that they become.
import { readMapping } from "../../../config/mapping.ts";
import { readMaskingKeys } from "../../../config/masking-key.ts";
import { compile } from "../../../mapping/compile.ts";
import { MAX_RECORDS } from "../../../mapping/limits.ts";
import { MIN_KEY_BYTES, deriveKeys } from "../../../masking/keys.ts";
import type { Context } from "../../context.ts";
import { MASKING_KEY, withSecrets } from "../../secrets.ts";
import { EXIT } from "../../exit-codes.ts";
import { argumentsOrLines } from "../../input.ts";
import { recordsToShow } from "../../records.ts";
import { writeTried } from "./report.ts";

const ALL_SKIPPED =
  "The mapping skipped everything. A drain deletes skipped messages. " +
  'Check "when", "records" and "envelopes" in the mapping. With "records", paths start at the record; $message is the message.';

/** Masks nothing. */
const NO_KEY = deriveKeys(new Uint8Array(MIN_KEY_BYTES));

/**
 * Needs no queue and no database, and a masking key only where the mapping masks something.
 *
 * @returns the exit code
 */
export async function runMappingTry(
  _flags: object,
  context: Context,
  [file]: readonly string[],
): Promise<number> {
  const { problems } = context;
  // An argument has no variable of its own.
  const path = file ?? context.env["FETCH_ETL_MAPPING"] ?? "";
  const flags = file === undefined && path === "" ? {} : { mapping: path };
  const mapping = await readMapping(flags, context.readFile, problems);
  const isMasked = mapping.columns.some(({ mask }) => mask !== undefined);
  const needed = problems.complete({
    keys: isMasked
      ? readMaskingKeys(await withSecrets(context, problems, MASKING_KEY), problems)
      : ([NO_KEY] as const),
  });
  const plan = compile(mapping, needed.keys[0]);
  const bodies = await argumentsOrLines([], context);
  let isAllSkipped = bodies.length > 0;
  for (const { text: body, number } of bodies) {
    const message = {
      messageId: `line-${number}`,
      sentAt: context.epochNow(),
      queue: "try",
      body,
      attributes: {},
    };
    const records = recordsToShow(plan.read(message), MAX_RECORDS);
    isAllSkipped &&= records.every((record) => "skipped" in record);
    writeTried(context, mapping.columns, number, records);
  }
  if (isAllSkipped) context.log.warn(ALL_SKIPPED);
  return EXIT.done;
}
