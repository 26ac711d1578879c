// `fetch-etl mask`: prints the tokens of addresses or device ids.
import { readMaskingKeys } from "../../../config/masking-key.ts";
import { Problems } from "../../../config/readers.ts";
import { Failure } from "../../../failure.ts";
import { canonicalDeviceId, canonicalIp } from "../../../masking/canonical.ts";
import { FIELDS, type Field, type MaskingKeys } from "../../../masking/keys.ts";
import { createMask, type Mask } from "../../../masking/token.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { argumentsOrLines } from "../../input.ts";
import { writeJson } from "../../output.ts";
import { listText } from "../../terminal/style.ts";

export interface MaskFlags {
  readonly field: string;
  readonly keyId?: string;
  readonly json?: boolean;
}

/** Needs a masking key, but no database and no queue. Masks all values or none. Reports an invalid value only by its position. */
export async function runMask(flags: MaskFlags, context: Context, args: readonly string[]): Promise<number> {
  const problems = new Problems();
  const { field, configured } = problems.complete({
    field: readField(flags.field, problems),
    configured: readMaskingKeys(context.env, context.readFile, problems),
  });
  const keys = keysWithId(configured, flags.keyId);
  const mask = createMask(keys);
  const given = await argumentsOrLines(args, context);
  const tokens = given.flatMap(({ text }) => tokenOf(field, mask, text) ?? []);
  if (tokens.length < given.length) {
    const wrong = given.filter(({ text }) => tokenOf(field, mask, text) === undefined);
    const places = listText(wrong.map(({ place }) => place));
    throw new Failure("configuration", `${NOT_MASKED[field]}: ${places}. Nothing was masked.`);
  }
  const { stdout } = context;
  if (flags.json === true) writeJson(stdout, { command: "mask", field, keyId: keys.keyId, tokens });
  else stdout.write(tokens.map((token) => `${token}\n`).join(""));
  return EXIT.done;
}

/** Reasons why a value has no token. */
const NOT_MASKED = {
  ip: "Not an IP address",
  device_id: "Not a device id (empty, or the nil UUID, which is stored as NULL and has no token)",
} as const satisfies Record<Field, string>;

function readField(text: string, problems: Problems): Field | undefined {
  const field = FIELDS.find((name) => name === text);
  if (field === undefined) problems.add(`--field must be ${FIELDS.join(" or ")}.`);
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

/** The value's token, as a drain computes it; undefined for a value that a drain rejects or stores as NULL. */
function tokenOf(field: Field, mask: Mask, text: string): string | undefined {
  if (field === "ip") {
    const address = canonicalIp(text);
    return address === undefined ? undefined : mask.ip(address);
  }
  const deviceId = text === "" ? null : canonicalDeviceId(text);
  return deviceId === null ? undefined : mask.deviceId(deviceId);
}
