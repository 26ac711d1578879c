// The table of examples in docs/messages.md, held against the decoder and the masks of a real run.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createEntryMaker } from "../../src/drain/entry.ts";
import type { AppVersionStyle } from "../../src/login/app-version.ts";
import { LOGIN_COLUMNS, type LoginRow } from "../../src/login/row.ts";
import { spellIp } from "../../src/masking/canonical.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { createMask } from "../../src/masking/token.ts";

const HEADING = "## Accepted values";
const page = readFileSync(new URL("../../docs/messages.md", import.meta.url), "utf8");
const section = page.slice(page.indexOf(HEADING)).split("\n## ")[0] ?? "";
const examples = section
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, key = "", value = "", stored = ""]) => ({ key, value: value.slice(1, -1), stored }));

const keys = deriveKeys(Buffer.alloc(32, 7));
const mask = createMask(keys);
const SENT_ON = "2024-12-24";
const login = {
  user_id: "u",
  app_version: null,
  device_type: null,
  ip: null,
  locale: null,
  device_id: null,
};
const COLUMN_OF: Readonly<Record<string, keyof LoginRow>> = {
  ip: "masked_ip",
  device_id: "masked_device_id",
};

/** What the table says: a row's value, or the reason of a rejection. */
function expectedOf(name: string, stored: string): unknown {
  const [, reason] = /^rejected: (.+)$/.exec(stored) ?? [];
  if (reason !== undefined) return { reasons: [`${name}: ${reason}`] };
  const [, masked] = /^the token of `(.+)`$/.exec(stored) ?? [];
  if (masked !== undefined)
    return name === "ip" ? mask.ip(bytesOf(masked)) : mask.deviceId(Buffer.from(masked));
  if (stored === "the day on which SQS received the message") return SENT_ON;
  return JSON.parse(stored.slice(1, -1));
}

/** The bytes of an address in RFC 5952's spelling, by Node's own parser of URLs. */
function bytesOf(address: string): Uint8Array {
  const { hostname } = new URL(`http://[${address.includes(":") ? address : `::ffff:${address}`}]`);
  const [before = "", after] = hostname.slice(1, -1).split("::");
  const groups = (text = ""): number[] =>
    text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
  const zeros = Array<number>(8 - groups(before).length - groups(after).length).fill(0);
  const bytes = [...groups(before), ...zeros, ...groups(after)].flatMap((group) => [
    group >> 8,
    group & 0xff,
  ]);
  expect(spellIp(Uint8Array.from(bytes))).toBe(address);
  return Uint8Array.from(bytes);
}

describe("docs/messages.md says what becomes of a value:", () => {
  it.each(examples)("$key $value: $stored", ({ key, value, stored }) => {
    const [name = "", style] = key.replaceAll("`", "").split(", ");
    const appVersion: AppVersionStyle = style === "major" ? "major" : "full";
    const entry = createEntryMaker({
      keys,
      queueId: "queue",
      appVersion,
      today: "2000-01-01",
      randomBytes: (length) => new Uint8Array(length),
    }).fromMessage({
      messageId: "m",
      body: `\u{feff}${JSON.stringify({ ...login, [name]: JSON.parse(value) as unknown })}`,
      sentAt: Date.parse(`${SENT_ON}T12:00:00Z`),
    });
    const column = LOGIN_COLUMNS.find((each) => each === (COLUMN_OF[name] ?? name));
    if (column === undefined) throw new Error(`no column for ${name}`);
    expect(entry.kind === "row" ? entry.row[column] : { reasons: entry.rejection.reasons }).toEqual(
      expectedOf(name, stored),
    );
  });

  it("for each key of the contract, with both outcomes where both are possible", () => {
    const seen = new Set(examples.map(({ key, stored }) => `${key} ${stored.startsWith("rejected")}`));
    for (const key of ["user_id", "ip", "device_id", "app_version", "create_date", "locale"]) {
      expect(seen).toContain(`\`${key}\` true`);
      expect(seen).toContain(`\`${key}\` false`);
    }
    expect(seen).toContain("`device_type` false");
  });
});
