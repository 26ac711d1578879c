import { randomBytes } from "node:crypto";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { expect, it } from "vitest";
import { canonicalIp } from "../../src/masking/canonical.ts";
import { LOGIN } from "../../src/config/mapping.ts";
import { maskedFields } from "../../src/mapping/fields.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { maskOf } from "../../src/masking/token.ts";
import { createOpener } from "../../src/recovery/identities.ts";
import { createSealer } from "../../src/recovery/recipients.ts";
import { createRemask } from "../../src/recovery/remask.ts";
import { revealEntries } from "../../src/recovery/reveal.ts";

const [EARLIER, TODAY] = [deriveKeys(Buffer.alloc(32, 1)), deriveKeys(Buffer.alloc(32, 2))];
const UUID = "6f9619ff-8b86-d011-b42d-00c04fc964ff";

const identity = await generateX25519Identity();
const opener = createOpener(identity);
const sealer = await createSealer([await identityToRecipient(identity)], randomBytes);

type Field = "ip" | "device_id";

/** Rotates an entry that an earlier version made of these bytes; gives its new token, and what it opens to. */
async function rotated(field: Field, value: Uint8Array, mapping = LOGIN) {
  const type = field === "ip" ? "ip" : "text";
  const masked = { field, type, token: maskOf(EARLIER, field)(value), value } as const;
  const { id: dataKeyId, sealed: dataKey } = sealer.dataKey;
  const entry = { ...masked, dataKeyId, dataKey, sealed: sealer.seal(masked) };
  const before = await revealEntries(opener, [entry]);
  const fields = maskedFields(mapping);
  const [next] = await createRemask({ opener, keys: [TODAY, EARLIER], fields, randomBytes })([entry]);
  if (next === undefined) throw new Error("no entry");
  const key = await opener.dataKey(dataKey);
  return { before, token: next.token, value: Buffer.from(opener.value(key, next, next.sealed)) };
}

it("an entry of an upper-case UUID is revealed as it was sent, and gets the token that its device has today", async () => {
  const upper = Buffer.from(UUID.toUpperCase());
  const { before, token, value } = await rotated("device_id", upper);
  expect(before).toMatchObject({ ok: true, values: [{ value: UUID.toUpperCase() }] });
  expect(token).toBe(maskOf(TODAY, "device_id")(Buffer.from(UUID)));
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
  expect([token, value]).toEqual([maskOf(TODAY, field)(bytes), Buffer.from(bytes)]);
});

it("a value that a drain decoded is not decoded again", async () => {
  const columns = LOGIN.columns.map((column) =>
    column.mask?.field === "device_id" ? { ...column, normalize: ["url_decode" as const] } : column,
  );
  const bytes = Buffer.from("a+b%20c");
  const { token, value } = await rotated("device_id", bytes, { ...LOGIN, columns });
  expect([token, value]).toEqual([maskOf(TODAY, "device_id")(bytes), bytes]);
});
