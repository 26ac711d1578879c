// `fetch-etl mapping try`: reads message bodies from standard input, and prints the rows that they become.
import { readMapping, type MappingFlags } from "../../../config/mapping.ts";
import { readMaskingKeys } from "../../../config/masking-key.ts";
import { Problems } from "../../../config/readers.ts";
import { compile } from "../../../mapping/compile.ts";
import { MIN_KEY_BYTES, deriveKeys } from "../../../masking/keys.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { argumentsOrLines } from "../../input.ts";
import { writeTried } from "./report.ts";

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
  const problems = new Problems();
  const flags: MappingFlags = file === undefined ? {} : { mapping: file };
  const mapping = await readMapping(flags, context.env, context.readFile, problems);
  const isMasked = mapping.columns.some(({ mask }) => mask !== undefined);
  const keys = isMasked ? readMaskingKeys(context.env, context.readFile, problems) : [NO_KEY];
  const needed = problems.complete({ keys });
  const plan = compile(mapping, needed.keys[0]);
  for (const [index, { text: body }] of (await argumentsOrLines([], context)).entries()) {
    const message = {
      messageId: `line-${index + 1}`,
      sentAt: context.epochNow(),
      queue: "try",
      body,
      attributes: {},
    };
    writeTried(context, mapping.columns, index + 1, plan.read(message));
  }
  return EXIT.done;
}
