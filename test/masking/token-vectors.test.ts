// A login's fields are masked as docs/token-format.md says: by its vectors, which another implementation made.
import { describe, expect, it } from "vitest";
import { LOGIN } from "../../src/config/mapping.ts";
import { Invalid } from "../../src/mapping/mapping.ts";
import { maskedFields } from "../../src/mapping/fields.ts";
import { columnMask } from "../../src/mapping/masks.ts";
import { columnOf } from "../mapping/values.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { maskOf } from "../../src/masking/token.ts";
import { TOKEN_VECTORS } from "../support/token-vectors.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const { keys, tokens, columns, rejected } = TOKEN_VECTORS;
const derived = new Map(
  keys.map(({ keyId, masterKey }) => [keyId, deriveKeys(Buffer.from(masterKey, "base64"))]),
);

const fields = maskedFields(LOGIN);

describe("a master key gives the key id and the field keys of the vectors", () => {
  it.each(keys)("$keyId", ({ keyId, ipKey, deviceIdKey }) => {
    const made = derived.get(keyId);
    expect(made?.keyId).toBe(keyId);
    const fieldKeys = ["ip", "device_id"].map((field) => made?.ofField(field));
    expect(fieldKeys.map((key) => key && hex(key.export()))).toEqual([ipKey, deviceIdKey]);
  });
});

describe.each(tokens)("$field, $about, key $keyId", ({ keyId, field, values, canonical, token }) => {
  it.each(values)("%j gives its canonical bytes and its token", (value) => {
    const bytes = fields.get(field)?.read(value);
    expect(bytes instanceof Uint8Array ? hex(bytes) : bytes).toBe(canonical);
    const made = derived.get(keyId);
    if (made === undefined) throw new Error("The vectors name a key that they do not have.");
    expect(bytes instanceof Uint8Array ? maskOf(made, field)(bytes) : null).toBe(token);
  });
});

describe.each(columns)("type $type, field $field, $about, key $keyId", (masked) => {
  const { keyId, type, field, network, values, canonical, token } = masked;
  const mask = columnMask(
    columnOf(type, { mask: network ? { kind: "network", field, ...network } : { kind: "token", field } }),
  );
  const made = derived.get(keyId);

  it.each(values)("%j gives its canonical bytes and its token", (value) => {
    const bytes = mask?.bytes(value);
    if (!(bytes instanceof Uint8Array)) throw new Error(bytes?.reason);
    expect(hex(bytes)).toBe(canonical);
    expect(made && maskOf(made, mask?.keyName ?? "")(bytes)).toBe(token);
  });
});

describe.each(rejected)("$field, $about", ({ field, values }) => {
  it.each(values)("%j is rejected", (value) => {
    expect(fields.get(field)?.read(value)).toBeInstanceOf(Invalid);
  });
});
