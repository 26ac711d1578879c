// `fetch-etl mask`: prints the tokens of values.
import { readMapping, type MappingFlags } from "../../../config/mapping.ts";
import { readMaskingKeys } from "../../../config/masking-key.ts";
import type { Problems } from "../../../config/readers.ts";
import { Failure } from "../../../failure.ts";
import { maskedFields, type MaskedField } from "../../../mapping/fields.ts";
import { Invalid, type Mapping } from "../../../mapping/mapping.ts";
import type { MaskingKeys } from "../../../masking/keys.ts";
import { maskOf } from "../../../masking/token.ts";
import type { Context } from "../../context.ts";
import { MASKING_KEY, withSecrets } from "../../secrets.ts";
import { EXIT } from "../../exit-codes.ts";
import { argumentsOrLines } from "../../input.ts";
import { writeJson } from "../../output.ts";
import { listText } from "../../terminal/style.ts";

export interface MaskFlags extends Pick<MappingFlags, "mapping"> {
  readonly field: string;
  readonly keyId?: string;
  readonly json?: boolean;
}

/** Needs a masking key, but no database and no queue. Masks all values or none. Reports an invalid value only by its position. */
export async function runMask(flags: MaskFlags, context: Context, args: readonly string[]): Promise<number> {
  const { problems } = context;
  const mapping = await readMapping(flags, context.readFile, problems);
  const { field, configured } = problems.complete({
    field: readField(flags.field, mapping, problems),
    configured: readMaskingKeys(await withSecrets(context, problems, MASKING_KEY), problems),
  });
  const keys = keysWithId(configured, flags.keyId);
  const mask = maskOf(keys, flags.field);
  const given = (await argumentsOrLines(args, context)).map((each) => ({
    ...each,
    canonical: field.read(each.text),
  }));
  const wrong = given.filter(({ canonical }) => canonical === null || canonical instanceof Invalid);
  if (wrong.length > 0) {
    throw new Failure(
      "configuration",
      `A drain would reject these values of ${flags.field}, or store NULL: ${listText(wrong.map(({ place }) => place))}. Nothing was masked.`,
    );
  }
  const tokens = given.flatMap(({ canonical }) => (canonical instanceof Uint8Array ? [mask(canonical)] : []));
  const { stdout } = context;
  if (flags.json === true)
    writeJson(stdout, { command: "mask", field: flags.field, keyId: keys.keyId, tokens });
  else stdout.write(tokens.map((token) => `${token}\n`).join(""));
  return EXIT.done;
}

function readField(name: string, mapping: Mapping, problems: Problems): MaskedField | undefined {
  const fields = maskedFields(mapping);
  const field = fields.get(name);
  if (field === undefined) {
    const names = [...fields.keys()].join(", ");
    problems.add(
      `--field must be a masked field of the mapping${names === "" ? ", which has none" : `: ${names}`}.`,
    );
  }
  return field;
}

function keysWithId(configured: readonly MaskingKeys[], keyId: string | undefined): MaskingKeys {
  const found = configured.find((keys) => keyId === undefined || keys.keyId === keyId);
  if (found !== undefined) return found;
  // The given id is not shown, because it may be a key.
  const ids = configured.map((keys) => keys.keyId).join(", ");
  throw new Failure(
    "configuration",
    `--key-id does not match a configured masking key. The configured ids, in their order: ${ids}.`,
  );
}
