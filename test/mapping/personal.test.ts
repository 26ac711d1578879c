// The personal values of a message, whatever else is wrong with it: what a forgetting looks for in the quarantine.
import { describe, expect, it } from "vitest";
import { LOGIN } from "../../src/config/mapping.ts";
import type { Mapping } from "../../src/mapping/mapping.ts";
import { maskOf } from "../../src/masking/token.ts";
import { createTokenReader } from "../../src/quarantine/message.ts";
import { ENVELOPE, inEnvelope } from "../support/envelope.ts";
import { KEYS, QUEUE_ID } from "../support/login-entries.ts";
import { columnOf } from "./values.ts";

/** `::ffff:192.0.2.1` */
const IP = Buffer.from("00000000000000000000ffffc0000201", "hex");
const UUID = "6D92078A-8246-4BA4-AE5B-76104861E7DC";
const NIL = "00000000-0000-0000-0000-000000000000";

const ipToken = maskOf(KEYS, "ip");
const deviceToken = maskOf(KEYS, "device_id");
const utf8 = (text: string): Buffer => Buffer.from(text, "utf8");

/** The tokens that are looked for, each once. */
function read(
  body: unknown,
  { mapping = LOGIN, attributes = {} }: { mapping?: Mapping; attributes?: Record<string, string> } = {},
): Set<string> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const tokensOf = createTokenReader(mapping, [KEYS]);
  return new Set(tokensOf({ queue: QUEUE_ID, messageId: "m" }, { outcome: "opened", text, attributes }));
}

describe("the personal values of a message", () => {
  it.each<[what: string, body: unknown, ip: readonly Buffer[], deviceIds: readonly string[]]>([
    ["a login", { user_id: "u", ip: "192.0.2.1", device_id: "d" }, [IP], ["d"]],
    ["a body with an address alone", { ip: "192.0.2.1" }, [IP], []],
    ["a body with a device alone", { device_id: "d" }, [], ["d"]],
    ["an address in another spelling", { ip: " [::ffff:192.0.2.1]:443" }, [IP], []],
    [
      "a device in the form of a UUID, as it is masked and as it was sent",
      { device_id: UUID },
      [],
      [UUID.toLowerCase(), UUID],
    ],
    ["the nil UUID, which is masked without `normalize`", { device_id: NIL }, [], [NIL]],
    ["a broken login", { user_id: null, app_version: "x", ip: "192.0.2.1", device_id: "d" }, [IP], ["d"]],
  ])("are found in %s", (_what, body, ip, deviceIds) => {
    const expected = new Set([...ip.map(ipToken), ...deviceIds.map(utf8).map(deviceToken)]);
    expect(read(body)).toEqual(expected);
    expect(read(inEnvelope(JSON.stringify(body)))).toEqual(expected);
  });

  it("are those of a login that has all of an envelope's keys too", () => {
    const held = JSON.stringify({ ip: "198.51.100.1" });
    expect(read({ ...ENVELOPE, Message: held, ip: "192.0.2.1" })).toContain(ipToken(IP));
  });

  it("are found where the message was quarantined because it does not match", () => {
    const kind = { kind: "keys", text: "kind", root: "record", keys: ["kind"] } as const;
    const mapping: Mapping = {
      ...LOGIN,
      when: [{ path: kind, test: { kind: "equals", values: ["login"] } }],
    };
    expect(read({ kind: "logout", ip: "192.0.2.1" }, { mapping })).toEqual(new Set([ipToken(IP)]));
  });

  it("are found in attributes", () => {
    const column = columnOf("text", {
      from: [{ kind: "attribute", text: "$attribute.device", name: "device" }],
      mask: { kind: "token", field: "device_id" },
    });
    const tokens = read("{}", { mapping: { ...LOGIN, columns: [column] }, attributes: { device: "d" } });
    expect(tokens).toEqual(new Set([deviceToken(utf8("d"))]));
  });

  it.each([
    ["no JSON", "{"],
    ["no JSON in an envelope", inEnvelope("{")],
    ["a list", "[]"],
    ["null", "null"],
    ["a body without them", { user_id: "u" }],
    ["a body that has them elsewhere", { login: { ip: "192.0.2.1", device_id: "d" } }],
    ["nulls", { ip: null, device_id: null }],
    ["numbers", { ip: 3_221_225_985, device_id: 7 }],
    ["lists", { ip: ["192.0.2.1"], device_id: ["d"] }],
    ["an address that is none", { ip: "somewhere" }],
    ["a device that no row can have", { device_id: "" }],
  ])("are none in %s", (_what, body) => {
    expect(read(body)).toEqual(new Set());
  });
});
