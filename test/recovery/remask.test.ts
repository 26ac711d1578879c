import { randomBytes } from "node:crypto";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { expect, it } from "vitest";
import { canonicalDeviceId, canonicalIp } from "../../src/masking/canonical.ts";
import { deriveKeys, type Field } from "../../src/masking/keys.ts";
import { createMask } from "../../src/masking/token.ts";
import { createOpener } from "../../src/recovery/identities.ts";
import { createSealer } from "../../src/recovery/recipients.ts";
import { createRemask } from "../../src/recovery/remask.ts";
import { revealEntries } from "../../src/recovery/reveal.ts";

const [EARLIER, TODAY] = [deriveKeys(Buffer.alloc(32, 1)), deriveKeys(Buffer.alloc(32, 2))];
const UUID = "6f9619ff-8b86-d011-b42d-00c04fc964ff";

const identity = await generateX25519Identity();
const opener = createOpener(identity);
const sealer = await createSealer([await identityToRecipient(identity)], randomBytes);

/** Rotates an entry that an earlier version made of these bytes; gives its new token, and what it opens to. */
async function rotated(field: Field, value: Uint8Array) {
  const mask = createMask(EARLIER);
  const token = field === "ip" ? mask.ip(value) : mask.deviceId(value);
  const { id: dataKeyId, sealed: dataKey } = sealer.dataKey;
  const entry = { token, field, dataKeyId, dataKey, sealed: sealer.seal(field, token, value) };
  const before = await revealEntries(opener, [entry]);
  const [next] = await createRemask({ opener, keys: [TODAY, EARLIER], randomBytes })([entry]);
  if (next === undefined) throw new Error("no entry");
  const key = await opener.dataKey(dataKey);
  return { before, token: next.token, value: Buffer.from(opener.value(key, field, next.token, next.sealed)) };
}

it("an entry of an upper-case UUID is revealed as it was sent, and gets the token that its device has today", async () => {
  const upper = Buffer.from(UUID.toUpperCase());
  const { before, token, value } = await rotated("device_id", upper);
  expect(before).toMatchObject({ ok: true, values: [{ value: UUID.toUpperCase() }] });
  expect(token).toBe(createMask(TODAY).deviceId(canonicalDeviceId(UUID.toUpperCase()) ?? upper));
  expect(value.toString()).toBe(UUID);
});

it.each<[string, Field, Uint8Array]>([
  ["an address", "ip", canonicalIp("192.0.2.1") ?? Buffer.alloc(0)],
  ["a device id that is no UUID", "device_id", Buffer.from("Gerät 7")],
  ["36 characters in upper case", "device_id", Buffer.from("X".repeat(36))],
  ["bytes that are no UTF-8", "device_id", Buffer.alloc(36, 0xc4)],
  ["the nil UUID", "device_id", Buffer.from("00000000-0000-0000-0000-000000000000")],
])("%s keeps its bytes", async (_what, field, bytes) => {
  const { token, value } = await rotated(field, bytes);
  const mask = createMask(TODAY);
  expect([token, value]).toEqual([
    field === "ip" ? mask.ip(bytes) : mask.deviceId(bytes),
    Buffer.from(bytes),
  ]);
});
