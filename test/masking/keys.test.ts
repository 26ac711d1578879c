import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deriveKeys, hkdf, MIN_KEY_BYTES } from "../../src/masking/keys.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

it("keys are derived with HKDF-SHA-256: RFC 5869, appendix A.3, the vector with an empty salt", () => {
  expect(hex(hkdf(Buffer.alloc(22, 0x0b), "", 42))).toBe(
    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
  );
});

describe("the keys of one masking key", () => {
  it("are all different, and none of them is the masking key", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: MIN_KEY_BYTES, maxLength: 64 }), (master) => {
        const { ip, deviceId, quarantine, body } = deriveKeys(master);
        const derived = [ip, deviceId, quarantine, body].map((key) => hex(key.export()));
        expect(new Set([...derived, hex(master)]).size).toBe(5);
      }),
    );
  });

  it("are 32 bytes each, under a key id of 8 characters", () => {
    const { keyId, ip, deviceId, quarantine, body } = deriveKeys(Buffer.alloc(MIN_KEY_BYTES));
    const sizes = [ip, deviceId, quarantine, body].map((key) => key.symmetricKeySize);
    expect(sizes).toEqual([32, 32, 32, 32]);
    expect(keyId).toMatch(/^[A-Za-z0-9_-]{8}$/);
  });

  it("are other keys when a single bit of it differs", () => {
    const master = Buffer.alloc(MIN_KEY_BYTES);
    const near = Buffer.from(master).fill(1, MIN_KEY_BYTES - 1);
    const [one, two] = [deriveKeys(master), deriveKeys(near)];
    expect(one.keyId).not.toBe(two.keyId);
    expect(one.ip.equals(two.ip)).toBe(false);
    expect(one.deviceId.equals(two.deviceId)).toBe(false);
    expect(one.quarantine.equals(two.quarantine)).toBe(false);
    expect(one.body.equals(two.body)).toBe(false);
  });

  it("are each derived by the name of their use", () => {
    const master = Buffer.alloc(MIN_KEY_BYTES, 1);
    const { ip, deviceId, quarantine, body } = deriveKeys(master);
    expect(hex(body.export())).toBe(hex(hkdf(master, "fetch-etl/v1/body", 32)));
    expect(hex(ip.export())).toBe(hex(hkdf(master, "fetch-etl/v1/ip", 32)));
    expect(hex(deviceId.export())).toBe(hex(hkdf(master, "fetch-etl/v1/device_id", 32)));
    expect(hex(quarantine.export())).toBe(hex(hkdf(master, "fetch-etl/v1/quarantine", 32)));
  });

  it.each([0, 1, MIN_KEY_BYTES - 1])("are not made of %i bytes", (length) => {
    expect(() => deriveKeys(new Uint8Array(length))).toThrow(
      new RangeError(`a masking key has ${MIN_KEY_BYTES} bytes or more`),
    );
  });
});
