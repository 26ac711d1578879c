import { describe, expect, it } from "vitest";
import { readRecipients } from "../../src/config/recovery.ts";
import { reading } from "./told.ts";

const one = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z";
const other = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
const postQuantum = `age1pq1${"q".repeat(1952)}`;
const read = (text: string) =>
  reading((problems) => readRecipients({ FETCH_ETL_RECOVERY_RECIPIENT: text }, problems));

it.each<[string, string, readonly string[] | undefined]>([
  ["nothing", "", undefined],
  ["blanks", " \n", undefined],
  ["one", one, [one]],
  ["one with a line end", `${one}\r\n`, [one]],
  ["several with commas", `${one} , ${other}`, [one, other]],
  ["several on lines, as age's recipients file has them", `${one}\n${other}\n`, [one, other]],
  ["a post-quantum one", postQuantum, [postQuantum]],
])("recipients are read: %s", (_what, text, recipients) => {
  expect(read(text)).toEqual({ value: recipients, told: [] });
});

describe("a recipient that nothing here could open is told by its kind, and not shown:", () => {
  const data = "qwgqz3qr0xqtz2v3rlzhtzfx0aejykg2nd3mfwe6hm8qt6nkyy7t2ackzj";
  it.each([
    [`age1yubikey1${data}`, "a recipient of an age plugin (age1yubikey1…)"],
    [`age1se1${data}`, "a recipient of an age plugin (age1se1…)"],
    [`age1tag1${data}`, "a recipient of an age plugin (age1tag1…)"],
    [`age1tagpq1${data}`, "a recipient of an age plugin (age1tagpq1…)"],
    [`age1fido2-hmac1${data}`, "a recipient of an age plugin (age1fido2-hmac1…)"],
    [`${one},age1tpm1${data}`, "a recipient of an age plugin (age1tpm1…)"],
    [`ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@host`, "an SSH key"],
    [`${one}, ssh-rsa AAAAB3NzaC1yc2E`, "an SSH key"],
  ])("%s", (text, kind) => {
    const { told } = read(text);
    expect(told).toEqual([
      `FETCH_ETL_RECOVERY_RECIPIENT contains ${kind}, which "fetch-etl reveal" cannot decrypt with. ` +
        "Set a recipient from age-keygen, X25519 (age1…) or post-quantum (age1pq1…).",
    ]);
  });

  it.each([
    "AGE-SECRET-KEY-1QQQ",
    "AGE-SECRET-KEY-PQ-1QQQ",
    "AGE-PLUGIN-YUBIKEY-1QQQ",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
  ])("an identity: %s", (text) => {
    const { told } = read(text);
    expect(told).toEqual([expect.stringContaining("contains an identity")]);
    expect(told.join()).not.toMatch(/QQQ|b3Bl/);
  });

  it.each(["somebody", one.replace("v", "b"), one.replace("l", "1"), `${one},somebody`])(
    "what is none: %s",
    (text) => {
      expect(read(text).told).toEqual([expect.stringContaining("is not an age recipient, X25519 (age1…)")]);
    },
  );
});
