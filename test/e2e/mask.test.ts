import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { deriveKeys } from "../../src/masking/keys.ts";
import { json, runCli, withBench, type Outcome } from "../support/bench.ts";
import { login } from "../support/vault.ts";

const it = test.concurrent;

const KEY = randomBytes(32);
const EARLIER = randomBytes(32);
const DEVICES = "gerät 📱 \n0f8fad5b-d9cb-469f-a165-70867728950e\n";
const NIL = "00000000-0000-0000-0000-000000000000";
const idOf = (key: Uint8Array): string => deriveKeys(key).keyId;
const KEYS = `${KEY.toString("base64")},${EARLIER.toString("base64")}`;

/** With masking keys, and nothing that leads to a queue or a database. */
function mask(args: readonly string[], input?: string | Uint8Array): Promise<Outcome> {
  return runCli(["mask", ...args], { FETCH_ETL_MASKING_KEY: KEYS }, input);
}

it("prints the tokens that a drain wrote, however an address or a UUID is spelled", () =>
  withBench(async (bench) => {
    await bench.send([
      JSON.stringify(login("u-1", "2001:db8::1", "gerät 📱 ")),
      JSON.stringify(login("u-2", "192.0.2.1:51234", "0F8FAD5B-D9CB-469F-A165-70867728950E")),
    ]);
    await bench.run(["drain"]);
    const rows = await bench.sql`select masked_ip, masked_device_id from public.user_logins order by user_id`;
    const env = { DATABASE_URL: undefined, AWS_ENDPOINT_URL_SQS: undefined, AWS_REGION: undefined };
    const tokens = (column: string): string => rows.map((row) => `${String(row[column])}\n`).join("");
    const ips = await bench.run(["mask", "--field", "ip", "2001:DB8:0:0:0:0:0:1", "::ffff:192.0.2.1"], env);
    expect(ips).toEqual({ code: 0, stdout: tokens("masked_ip"), stderr: "" });
    const others = await bench.run(["mask", "--field", "ip"], env, "[2001:db8::1%eth0]:443\n 192.0.2.1 \n");
    expect(others.stdout).toBe(ips.stdout);
    const devices = await bench.run(["mask", "--field", "device_id"], env, DEVICES);
    expect(devices.stdout).toBe(tokens("masked_device_id"));
  }));

it("reads standard input where there are no arguments: LF or CRLF, a last line without one, empty lines skipped", async () => {
  const expected = await mask(["--field", "device_id", "a", "b", " c"]);
  expect(expected.stdout).toMatch(/^(h1\.[\w-]{8}\.[\w-]{43}\n){3}$/);
  expect((await mask(["--field", "device_id"], "a\r\n\nb\n\r\n c")).stdout).toBe(expected.stdout);
});

it("prints nothing for nothing", async () => {
  expect(await mask(["--field", "ip"], "\n")).toEqual({ code: 0, stdout: "", stderr: "" });
});

it("prints one JSON object with --json", async () => {
  const { stdout } = await mask(["--field", "ip", "192.0.2.1", "192.0.2.2"]);
  expect(json(await mask(["--field", "ip", "--json", "192.0.2.1", "192.0.2.2"]))).toEqual({
    schemaVersion: 2,
    command: "mask",
    field: "ip",
    keyId: idOf(KEY),
    tokens: stdout.trimEnd().split("\n"),
  });
});

it("masks with the first key, and with another one where --key-id names it", async () => {
  const tokens = await Promise.all(
    [[], ["--key-id", idOf(KEY)], ["--key-id", idOf(EARLIER)]].map(
      async (flags) => (await mask(["--field", "ip", ...flags, "192.0.2.1"])).stdout,
    ),
  );
  expect(tokens[0]).toContain(idOf(KEY));
  expect(tokens[1]).toBe(tokens[0]);
  expect(tokens[2]).toContain(idOf(EARLIER));
});

it("refuses a --key-id that no configured key has, and tells those that they have", async () => {
  const { code, stdout, stderr } = await mask(["--field", "ip", "--key-id", "AAAAAAAA", "192.0.2.1"]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(`${idOf(KEY)}, ${idOf(EARLIER)}`);
  expect(stderr).not.toContain("AAAAAAAA");
});

it.for<[string, string[], string | Uint8Array, RegExp, string]>([
  ["an argument that is no address", ["ip", "192.0.2.1", "192.0.2.999"], "", /argument 2\./, "192.0.2.999"],
  ["a line that is no address", ["ip"], "192.0.2.1\n\n192.0.2.999\n", /line 3\./, "192.0.2.999"],
  ["many lines that are no address", ["ip"], "x\n".repeat(12), /line 10 and 2 others\./, "x\n"],
  ["an empty device id", ["device_id", "d", ""], "", /argument 2\./, "h1."],
  ["UTF-16", ["device_id"], Buffer.from("device-1\n", "utf16le"), /not UTF-8/, "h1."],
  ["the nil UUID", ["device_id", "d", NIL], "", /or store NULL: argument 2\./, NIL],
  ["bytes that are no text", ["device_id"], Buffer.from([0x64, 0xff]), /not UTF-8/, "h1."],
  ["another field", ["user_id", "u"], "", /masked field of the mapping: ip, device_id\./, "h1."],
])("refuses %s, tells its place and prints neither it nor any token", async ([, args, input, says, leak]) => {
  const { code, stdout, stderr } = await mask(["--field", ...args], input);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(says);
  expect(stderr).not.toContain(leak);
});

it("tells that there is no masking key", async () => {
  const { code, stderr } = await runCli(["mask", "--field", "ip", "192.0.2.1"], {});
  expect(code).toBe(2);
  expect(stderr).toContain("FETCH_ETL_MASKING_KEY");
});
