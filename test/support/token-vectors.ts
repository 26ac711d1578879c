// The vectors of docs/token-format.md.
import { readFileSync } from "node:fs";
import type { TypeName } from "../../src/mapping/mapping.ts";

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
  readonly field: "ip" | "device_id";
  readonly values: readonly string[];
}

/** Canonical bytes, hexadecimal, and token are null where the value is stored as NULL. */
interface Masked extends Outcome {
  readonly keyId: string;
  readonly canonical: string | null;
  readonly token: string | null;
}

/** Of a column of any mapping: tokens of networks where there are prefix lengths. */
interface MaskedColumn {
  readonly about: string;
  readonly keyId: string;
  readonly type: TypeName;
  readonly field: string;
  readonly network?: { readonly v4: number; readonly v6: number };
  readonly values: readonly (string | number)[];
  readonly canonical: string;
  readonly token: string;
}

export const TOKEN_VECTORS = JSON.parse(
  readFileSync(new URL("../../docs/token-vectors.json", import.meta.url), "utf8"),
) as {
  readonly keys: readonly Key[];
  readonly tokens: readonly Masked[];
  readonly columns: readonly MaskedColumn[];
  readonly rejected: readonly Outcome[];
};
