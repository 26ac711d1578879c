import { randomBytes } from "node:crypto";
import {
  Decrypter,
  generateHybridIdentity,
  generateX25519Identity,
  identityToRecipient,
} from "age-encryption";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Failure } from "../../src/failure.ts";
import { Altered, createOpener } from "../../src/recovery/identities.ts";
import { createSealer, sealValue } from "../../src/recovery/recipients.ts";

const identity = await generateX25519Identity();
const recipient = await identityToRecipient(identity);
const sealer = await createSealer([recipient], randomBytes);
const opener = createOpener(identity);
const key = await opener.dataKey(sealer.dataKey.sealed);
const other = await generateX25519Identity();

describe("a sealed value", () => {
  it("is opened with the identity, for its field and token, whatever it is", () => {
    fc.assert(
      fc.property(fc.constantFrom("ip", "device_id"), fc.string(), fc.uint8Array(), (field, token, value) => {
        const masked = { field, type: "text", token, value } as const;
        expect(opener.value(key, masked, sealer.seal(masked))).toEqual(Buffer.from(value));
      }),
    );
  });

  const of = { field: "ip", type: "ip", token: "t1", value: Buffer.from("value") } as const;
  const sealed = sealer.seal(of);

  it("is not opened for another token, field or type, or under another data key", async () => {
    const otherKey = await opener.dataKey((await createSealer([recipient], randomBytes)).dataKey.sealed);
    for (const other of [{ token: "t2" }, { field: "device_id" }, { type: "text" }, { type: null }])
      expect(() => opener.value(key, { ...of, ...other }, sealed)).toThrow(Altered);
    expect(() => opener.value(otherKey, of, sealed)).toThrow(Altered);
  });

  it("is not opened with any bit flipped, or cut", () => {
    for (const index of sealed.keys()) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      expect(() => opener.value(key, of, changed)).toThrow(Altered);
      expect(() => opener.value(key, of, sealed.subarray(0, index))).toThrow(Altered);
    }
  });

  it("is never sealed the same way twice", () => {
    expect(sealer.seal(of)).not.toEqual(sealed);
  });

  it("can be sealed anew under a data key at hand", () => {
    const anew = sealValue(key, { ...of, token: "t2" }, of.value, randomBytes(12));
    expect(opener.value(key, { ...of, token: "t2" }, anew)).toEqual(Buffer.from("value"));
  });
});

describe("a data key", () => {
  it("is 32 bytes in age's format, a new one for each sealer", async () => {
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    const another = await createSealer([recipient], randomBytes);
    const keys = await Promise.all([sealer, another].map(({ dataKey }) => decrypter.decrypt(dataKey.sealed)));
    expect(keys.map(({ length }) => length)).toEqual([32, 32]);
    expect(keys[0]).not.toEqual(keys[1]);
    expect(another.dataKey.id).not.toBe(sealer.dataKey.id);
  });

  it("opens for each recipient", async () => {
    const { dataKey } = await createSealer([recipient, await identityToRecipient(other)], randomBytes);
    const [first, second] = await Promise.all(
      [identity, other].map((each) => createOpener(each).dataKey(dataKey.sealed)),
    );
    expect(first?.export()).toEqual(second?.export());
  });

  it("does not open for anybody else: that is a wrong identity, no alteration", async () => {
    await expect(createOpener(other).dataKey(sealer.dataKey.sealed)).rejects.toThrow(Failure);
  });

  it("does not open when its last byte was changed, or when it was cut anywhere", async () => {
    const { sealed } = sealer.dataKey;
    const changed = Buffer.from(sealed);
    changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1);
    await expect(opener.dataKey(changed)).rejects.toThrow(Altered);
    for (const length of sealed.keys()) {
      await expect(opener.dataKey(sealed.subarray(0, length))).rejects.toThrow(Altered);
    }
  });
});

it("may be for post-quantum recipients", async () => {
  const hybrid = await generateHybridIdentity();
  const { dataKey } = await createSealer([await identityToRecipient(hybrid)], randomBytes);
  await expect(createOpener(hybrid).dataKey(dataKey.sealed)).resolves.toBeDefined();
});

describe("an identity file", () => {
  it.each([
    ["the identity alone", identity],
    ["what age-keygen writes", `# created: 2026-01-01\n# public key: ${recipient}\n${identity}\n`],
    ["Windows' line ends", `# public key\r\n${identity}\r\n`],
    ["several identities", `${other}\n${identity}\n`],
  ])("may hold %s", async (_what, text) => {
    await expect(createOpener(text).dataKey(sealer.dataKey.sealed)).resolves.toBeDefined();
  });

  it.each([
    ["nothing", ""],
    ["comments alone", "# created: today\n"],
    ["a recipient", recipient],
    ["an identity with a typing error", identity.slice(0, -1)],
    ["something beside an identity", `${identity}\nsecret note\n`],
  ])("with %s is refused, and not shown", (_what, text) => {
    const refusal = expect.objectContaining({
      kind: "configuration",
      message: expect.not.stringMatching(/AGE-SECRET-KEY-1[A-Z0-9]|secret note/),
    });
    expect(() => createOpener(text)).toThrow(refusal);
  });

  it.each([
    ["a plugin's identity", "AGE-PLUGIN-YUBIKEY-1QQQ\n", "an identity of an age plugin"],
    ["one beside another", `${identity}\n AGE-PLUGIN-SE-1QQQ\n`, "an identity of an age plugin"],
    ["a key for SSH", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA\n", "a PEM key, such as an SSH key"],
    [
      "one under a passphrase, as text",
      "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n",
      "is encrypted with age",
    ],
    ["one under a passphrase", "age-encryption.org/v1\n-> scrypt AAAA 18\n", "is encrypted with age"],
  ])("that cannot be used is told by its kind: %s", (_what, text, kind) => {
    const refusal = expect.objectContaining({
      kind: "configuration",
      message: expect.stringContaining(kind),
    });
    expect(() => createOpener(text)).toThrow(refusal);
  });
});

it("a recipient that is none is told by its number, and not shown", async () => {
  for (const wrong of [`${recipient}x`, identity]) {
    const refusal = createSealer([recipient, wrong], randomBytes);
    await expect(refusal).rejects.toThrow(/number 2/);
    await expect(refusal).rejects.not.toThrow(wrong);
  }
});
