// The table of examples in docs/messages.md, held against the decoder and the masks of a real run.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readMapping } from "../../src/config/mapping.ts";
import { Problems } from "../../src/config/readers.ts";
import { spellIp } from "../../src/masking/canonical.ts";
import { readLogin } from "../support/login-entries.ts";

const HEADING = "## Accepted values";
const page = readFileSync(new URL("../../docs/messages.md", import.meta.url), "utf8");
const section = page.slice(page.indexOf(HEADING)).split("\n## ")[0] ?? "";
const examples = section
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, key = "", value = "", stored = ""]) => ({ key, value: value.slice(1, -1), stored }));

const SENT_ON = "2024-12-24";
const login = {
  user_id: "u",
  app_version: null,
  device_type: null,
  ip: null,
  locale: null,
  device_id: null,
};
const COLUMN_OF: Readonly<Record<string, string>> = {
  ip: "masked_ip",
  device_id: "masked_device_id",
};

/** What the table says: a row's value, or the reason of a rejection. */
function expectedOf(name: string, stored: string): unknown {
  const [, reason] = /^rejected: (.+)$/.exec(stored) ?? [];
  if (reason !== undefined) return { reasons: [`${name}: ${reason}`] };
  const [, masked] = /^the token of `(.+)`$/.exec(stored) ?? [];
  if (masked !== undefined) return name === "ip" ? bytesOf(masked) : Buffer.from(masked);
  if (stored === "the day on which SQS received the message") return SENT_ON;
  const value: unknown = JSON.parse(stored.slice(1, -1));
  return typeof value === "number" ? String(value) : value;
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
  it.each(examples)("$key $value: $stored", async ({ key, value, stored }) => {
    const [name = "", appVersion = "full"] = key.replaceAll("`", "").split(", ");
    const mapping = await readMapping({ appVersion }, () => "", new Problems());
    const body = `\u{feff}${JSON.stringify({ ...login, [name]: JSON.parse(value) as unknown })}`;
    const read = readLogin(body, mapping, Date.parse(`${SENT_ON}T12:00:00Z`));
    expect(read.ok ? read.login[COLUMN_OF[name] ?? name] : { reasons: read.reasons }).toEqual(
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
