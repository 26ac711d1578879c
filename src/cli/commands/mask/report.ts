// The output of `mask`.
import type { Field } from "../../../masking/keys.ts";
import type { Context } from "../../context.ts";
import { writeJson } from "../../json.ts";

/** One per line. */
export function writeMasked({ stdout }: Context, tokens: readonly string[]): void {
  stdout.write(tokens.map((token) => `${token}\n`).join(""));
}

export function writeMaskedJson(
  { stdout }: Context,
  field: Field,
  keyId: string,
  tokens: readonly string[],
): void {
  writeJson(stdout, { command: "mask", field, keyId, tokens });
}
