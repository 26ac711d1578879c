import { randomBytes } from "node:crypto";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { expect, it } from "vitest";
import { canonicalIp } from "../../src/masking/canonical.ts";
import { createOpener } from "../../src/recovery/identities.ts";
import { createSealer } from "../../src/recovery/recipients.ts";
import { revealEntries, type SealedEntry } from "../../src/recovery/reveal.ts";

const identity = await generateX25519Identity();
const opener = createOpener(identity);
const sealers = await Promise.all(
  [1, 2].map(async () => createSealer([await identityToRecipient(identity)], randomBytes)),
);

type Field = "ip" | "device_id";

function entry(run: number, token: string, field: Field, value: Uint8Array | undefined): SealedEntry {
  const sealer = sealers[run];
  if (sealer === undefined || value === undefined) throw new Error("no such run or value");
  const { id, sealed } = sealer.dataKey;
  const masked = { field, type: field === "ip" ? "ip" : "text", token, value } as const;
  return { ...masked, dataKeyId: id, sealed: sealer.seal(masked), dataKey: sealed };
}

it("opens the entries of several runs, in their order, each data key once", async () => {
  const opened: Uint8Array[] = [];
  const counting: typeof opener = {
    ...opener,
    dataKey: (sealed) => {
      opened.push(sealed);
      return opener.dataKey(sealed);
    },
  };
  const entries = [
    entry(0, "a", "ip", canonicalIp("192.0.2.1")),
    entry(1, "b", "device_id", Buffer.from("\u{FEFF}gerät")),
    entry(0, "c", "ip", canonicalIp("2001:db8::1")),
  ];
  expect(await revealEntries(counting, entries)).toEqual({
    ok: true,
    values: [
      { token: "a", field: "ip", value: "192.0.2.1" },
      { token: "b", field: "device_id", value: "\u{FEFF}gerät" },
      { token: "c", field: "ip", value: "2001:db8::1" },
    ],
  });
  expect(opened).toHaveLength(2);
});

it.each<[string, SealedEntry, "altered" | "data key missing"]>([
  [
    "a data key that is gone",
    { ...entry(0, "b", "ip", canonicalIp("::1")), dataKey: null },
    "data key missing",
  ],
  ["another run's data key", { ...entry(0, "b", "ip", canonicalIp("::1")), ...keyOf(1) }, "altered"],
  ["another token", { ...entry(0, "a", "ip", canonicalIp("::1")), token: "b" }, "altered"],
  ["another field", { ...entry(0, "b", "ip", canonicalIp("::1")), field: "device_id" }, "altered"],
  [
    "a field that there is none of",
    { ...entry(0, "b", "ip", canonicalIp("::1")), field: "user_id" },
    "altered",
  ],
  ["an address of four bytes, well sealed", entry(0, "b", "ip", Buffer.alloc(4)), "altered"],
  ["a device id that is no text, well sealed", entry(0, "b", "device_id", Buffer.from([0xff])), "altered"],
])("gives no value for an entry with %s, and tells its token", async (_what, bad, why) => {
  const good = entry(0, "good", "ip", canonicalIp("192.0.2.1"));
  expect(await revealEntries(opener, [good, bad, good])).toEqual({ ok: false, token: "b", why });
});

function keyOf(run: number): Pick<SealedEntry, "dataKeyId" | "dataKey"> {
  const { dataKeyId, dataKey } = entry(run, "", "ip", canonicalIp("::"));
  return { dataKeyId, dataKey };
}
