import { randomBytes } from "node:crypto";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { describe, expect, it } from "vitest";
import { canonicalIp } from "../../src/masking/canonical.ts";
import { LOGIN } from "../../src/config/mapping.ts";
import { maskedFields } from "../../src/mapping/fields.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { maskOf } from "../../src/masking/token.ts";
import { createOpener } from "../../src/recovery/identities.ts";
import { createSealer } from "../../src/recovery/recipients.ts";
import { createRemask, type Remasked } from "../../src/recovery/remask.ts";
import { revealEntries, type SealedEntry } from "../../src/recovery/reveal.ts";
import { Failure } from "../../src/failure.ts";
import type { MaskedValue } from "../../src/mapping/mapping.ts";

const keyOf = (byte: number) => deriveKeys(Buffer.alloc(32, byte));
const [EARLIER, TODAY, FORGOTTEN] = [keyOf(1), keyOf(2), keyOf(3)];
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

/** An entry as a drain makes it, but for what is given. */
function entryOf(given: Partial<MaskedValue> = {}, by = sealer): SealedEntry {
  const { field = "device_id", type = "text", value = Buffer.from("d-1") } = given;
  const masked = { field, type, value, token: given.token ?? maskOf(EARLIER, field)(value) };
  const { id: dataKeyId, sealed: dataKey } = by.dataKey;
  return { field, type, token: masked.token, dataKeyId, dataKey, sealed: by.seal(masked) };
}

function remask(entries: readonly SealedEntry[], mapping = LOGIN, by = opener): Promise<Remasked[]> {
  const fields = maskedFields(mapping);
  return createRemask({ opener: by, keys: [TODAY, EARLIER], fields, randomBytes })(entries);
}

it.each<[string, SealedEntry]>([
  [
    "whose value is not the one of its token",
    entryOf({ token: maskOf(EARLIER, "device_id")(Buffer.from("d-2")) }),
  ],
  ["whose token was replaced", { ...entryOf(), token: maskOf(EARLIER, "device_id")(Buffer.from("d-2")) }],
  ["whose data key is missing", { ...entryOf(), dataKeyId: UUID, dataKey: null }],
  [
    "of a key that masks no field",
    entryOf({ field: "quarantine", token: maskOf(FORGOTTEN, "quarantine")(Buffer.from("d-1")) }),
  ],
])("an entry %s is reported as altered, by its token", async (_which, entry) => {
  const altered = { name: "AlteredEntry", message: "an entry of the vault was altered", token: entry.token };
  await expect(remask([entryOf(), entry])).rejects.toMatchObject(altered);
});

it("any other error is passed on", async () => {
  const failure = new Failure("configuration", "The identity matches none of the recipients.");
  const dataKey = (): Promise<never> => Promise.reject(failure);
  await expect(remask([entryOf()], LOGIN, { ...opener, dataKey })).rejects.toBe(failure);
});

it("an entry of a masking key that is not configured is re-masked too", async () => {
  const value = Buffer.from("d-1");
  const token = maskOf(FORGOTTEN, "device_id")(value);
  expect(await remask([entryOf({ value, token })])).toMatchObject([
    { earlier: token, token: maskOf(TODAY, "device_id")(value) },
  ]);
});

it("entries of several drains are re-masked in their order, and each drain's data key is decrypted once", async () => {
  const other = await createSealer([await identityToRecipient(identity)], randomBytes);
  const values = ["d-1", "d-2", "d-3", "d-4"].map((text) => Buffer.from(text));
  const entries = values.map((value, index) => entryOf({ value }, index % 2 === 0 ? sealer : other));
  const decrypted: Uint8Array[] = [];
  const dataKey: typeof opener.dataKey = (sealed) => {
    decrypted.push(sealed);
    return opener.dataKey(sealed);
  };
  const remasked = await remask(entries, LOGIN, { ...opener, dataKey });
  expect(remasked.map(({ token }) => token)).toEqual(values.map(maskOf(TODAY, "device_id")));
  expect(remasked.map(({ earlier }) => earlier)).toEqual(entries.map(({ token }) => token));
  expect(decrypted).toEqual([sealer.dataKey.sealed, other.dataKey.sealed]);
});

describe("a value that the mapping does not read today keeps its bytes:", () => {
  const withColumn = (column: Partial<(typeof LOGIN.columns)[number]>): typeof LOGIN => ({
    ...LOGIN,
    columns: LOGIN.columns.map((each) => (each.mask?.field === "device_id" ? { ...each, ...column } : each)),
  });

  it.each<[string, Partial<MaskedValue>, typeof LOGIN]>([
    ["its field is gone", { field: "session" }, LOGIN],
    ["its field has another type", { value: Buffer.from(UUID.toUpperCase()) }, withColumn({ type: "uuid" })],
    [
      "it is no value of its type",
      { type: "date", value: Buffer.from("31.12.1999") },
      withColumn({ type: "date" }),
    ],
  ])("%s", async (_why, given, mapping) => {
    const entry = entryOf(given);
    const value = given.value ?? Buffer.from("d-1");
    const [remasked] = await remask([entry], mapping);
    expect(remasked).toMatchObject({ type: entry.type, token: maskOf(TODAY, entry.field)(value) });
  });
});
