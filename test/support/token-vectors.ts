// The vectors of docs/token-format.md.
import { readFileSync } from "node:fs";
import type { Field } from "../../src/masking/keys.ts";

interface Key {
  /** Base64. */
  readonly masterKey: string;
  readonly keyId: string;
  /** Hexadecimal. */
  readonly ipKey: string;
  readonly deviceIdKey: string;
}

/** What every one of `values` gives. */
interface Outcome {
  readonly about: string;
  readonly field: Field;
  readonly values: readonly string[];
}

/** Canonical bytes, hexadecimal, and token are null where the value is stored as NULL. */
interface Masked extends Outcome {
  readonly keyId: string;
  readonly canonical: string | null;
  readonly token: string | null;
}

export const TOKEN_VECTORS = JSON.parse(
  readFileSync(new URL("../../docs/token-vectors.json", import.meta.url), "utf8"),
) as {
  readonly keys: readonly Key[];
  readonly tokens: readonly Masked[];
  readonly rejected: readonly Outcome[];
};
