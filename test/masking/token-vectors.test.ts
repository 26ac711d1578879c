// A login's fields are masked as docs/token-format.md says: by its vectors, which another implementation made.
import { describe, expect, it } from "vitest";
import { decodeLogin, type Decoded } from "../../src/login/decode.ts";
import { deriveKeys, type Field } from "../../src/masking/keys.ts";
import { createMask } from "../../src/masking/token.ts";
import { TOKEN_VECTORS } from "../support/token-vectors.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const { keys, tokens, rejected } = TOKEN_VECTORS;
const derived = new Map(
  keys.map(({ keyId, masterKey }) => [keyId, deriveKeys(Buffer.from(masterKey, "base64"))]),
);

/** The login whose one field has the value. */
function decode(field: Field, value: string): Decoded {
  const fields = {
    user_id: "u",
    app_version: null,
    device_type: null,
    ip: null,
    locale: null,
    device_id: null,
  };
  return decodeLogin(JSON.stringify({ ...fields, [field]: value }), "full");
}

describe("a master key gives the key id and the field keys of the vectors", () => {
  it.each(keys)("$keyId", ({ keyId, ipKey, deviceIdKey }) => {
    const made = derived.get(keyId);
    expect(made?.keyId).toBe(keyId);
    expect([made?.ip, made?.deviceId].map((key) => key && hex(key.export()))).toEqual([ipKey, deviceIdKey]);
  });
});

describe.each(tokens)("$field, $about, key $keyId", ({ keyId, field, values, canonical, token }) => {
  it.each(values)("%j gives its canonical bytes and its token", (value) => {
    const decoded = decode(field, value);
    if (!decoded.ok) throw new Error(decoded.reasons.join(", "));
    const bytes = field === "ip" ? decoded.login.ip : decoded.login.deviceId;
    expect(bytes && hex(bytes)).toBe(canonical);
    const made = derived.get(keyId);
    if (made === undefined) throw new Error("The vectors name a key that they do not have.");
    const mask = createMask(made);
    expect(bytes && (field === "ip" ? mask.ip(bytes) : mask.deviceId(bytes))).toBe(token);
  });
});

describe.each(rejected)("$field, $about", ({ field, values }) => {
  it.each(values)("%j is rejected", (value) => {
    const decoded = decode(field, value);
    expect(decoded.ok ? [] : decoded.reasons).toEqual([expect.stringMatching(`^${field}: `)]);
  });
});
