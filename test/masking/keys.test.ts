import type { KeyObject } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  deriveKeys,
  hkdf,
  isFieldKey,
  isFieldName,
  MIN_KEY_BYTES,
  type MaskingKeys,
} from "../../src/masking/keys.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

it("keys are derived with HKDF-SHA-256: RFC 5869, appendix A.3, the vector with an empty salt", () => {
  expect(hex(hkdf(Buffer.alloc(22, 0x0b), "", 42))).toBe(
    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
  );
});

function keysOf({ ofField, quarantine, body, idempotency }: MaskingKeys): KeyObject[] {
  return [ofField("ip"), ofField("device_id"), quarantine, body, idempotency];
}

describe("the keys of one masking key", () => {
  it("are all different, and none of them is the masking key", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: MIN_KEY_BYTES, maxLength: 64 }), (master) => {
        const derived = keysOf(deriveKeys(master)).map((key) => hex(key.export()));
        expect(new Set([...derived, hex(master)]).size).toBe(6);
      }),
    );
  });

  it("are 32 bytes each, under a key id of 8 characters", () => {
    const keys = deriveKeys(Buffer.alloc(MIN_KEY_BYTES));
    expect(keysOf(keys).map((key) => key.symmetricKeySize)).toEqual([32, 32, 32, 32, 32]);
    expect(keys.keyId).toMatch(/^[A-Za-z0-9_-]{8}$/);
  });

  it("are other keys when a single bit of it differs", () => {
    const master = Buffer.alloc(MIN_KEY_BYTES);
    const near = Buffer.from(master).fill(1, MIN_KEY_BYTES - 1);
    const [one, two] = [deriveKeys(master), deriveKeys(near)];
    expect(one.keyId).not.toBe(two.keyId);
    const equal = keysOf(one).map((key, index) => keysOf(two)[index]?.equals(key));
    expect(equal).toEqual([false, false, false, false, false]);
  });

  it("are each derived by the name of their use", () => {
    const master = Buffer.alloc(MIN_KEY_BYTES, 1);
    const keys = deriveKeys(master);
    const uses = ["ip", "device_id", "quarantine", "body", "idempotency"];
    expect(keysOf(keys).map((key) => hex(key.export()))).toEqual(
      uses.map((use) => hex(hkdf(master, `fetch-etl/v1/${use}`, 32))),
    );
  });

  it.each(["email", "network/ip"])("have one for any field and for its networks: %s", (field) => {
    const master = Buffer.alloc(MIN_KEY_BYTES, 1);
    const { ofField } = deriveKeys(master);
    expect(hex(ofField(field).export())).toBe(hex(hkdf(master, `fetch-etl/v1/${field}`, 32)));
    expect(ofField(field)).toBe(ofField(field));
  });

  it.each([0, 1, MIN_KEY_BYTES - 1])("are not made of %i bytes", (length) => {
    expect(() => deriveKeys(new Uint8Array(length))).toThrow(
      new RangeError(`a masking key has ${MIN_KEY_BYTES} bytes or more`),
    );
  });
});

it.each([
  ["ip", true, true],
  ["a-B_9", true, true],
  ["x".repeat(64), true, true],
  ["network/ip", false, true],
  ["x".repeat(65), false, false],
  ["", false, false],
  ["a b", false, false],
  ["é", false, false],
  ["kid", false, false],
  ["quarantine", false, false],
  ["body", false, false],
  ["idempotency", false, false],
  ["network", false, false],
  ["network/body", false, false],
  ["network/network/ip", false, false],
])("a field may be named %j: %s; it may name the key of one: %s", (name, asField, asKey) => {
  expect([isFieldName(name), isFieldKey(name)]).toEqual([asField, asKey]);
});
