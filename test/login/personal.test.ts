// The personal values of a body, whatever else is wrong with it: what a forgetting looks for in the quarantine.
import { describe, expect, it } from "vitest";
import { readPersonal } from "../../src/login/decode.ts";
import { ENVELOPE, inEnvelope } from "../support/envelope.ts";

/** `::ffff:192.0.2.1` */
const IP = Buffer.from("00000000000000000000ffffc0000201", "hex");
const UUID = "6D92078A-8246-4BA4-AE5B-76104861E7DC";
const NIL = "00000000-0000-0000-0000-000000000000";
const utf8 = (text: string): Buffer => Buffer.from(text, "utf8");

function read(body: unknown): { ip: unknown[]; device_id: unknown[] } {
  const { ip, device_id } = readPersonal(typeof body === "string" ? body : JSON.stringify(body));
  return {
    ip: ip.map((bytes) => Buffer.from(bytes)),
    device_id: device_id.map((bytes) => Buffer.from(bytes)),
  };
}

const NONE = { ip: [], device_id: [] };

describe("the personal values of a body", () => {
  it.each<[what: string, body: unknown, ip: readonly Buffer[], deviceIds: readonly string[]]>([
    ["a login", { user_id: "u", ip: "192.0.2.1", device_id: "d" }, [IP], ["d", "d"]],
    ["a body with an address alone", { ip: "192.0.2.1" }, [IP], []],
    ["a body with a device alone", { device_id: "d" }, [], ["d", "d"]],
    ["an address in another spelling", { ip: " [::ffff:192.0.2.1]:443" }, [IP], []],
    [
      "a device in the form of a UUID, as it is masked and as it was sent",
      { device_id: UUID },
      [],
      [UUID.toLowerCase(), UUID],
    ],
    ["the nil UUID, which only earlier versions masked", { device_id: NIL }, [], [NIL]],
    ["a device that no row can have", { device_id: "" }, [], [""]],
    [
      "a broken login",
      { user_id: null, app_version: "x", ip: "192.0.2.1", device_id: "d" },
      [IP],
      ["d", "d"],
    ],
  ])("are found in %s", (_what, body, ip, deviceIds) => {
    const expected = { ip, device_id: deviceIds.map(utf8) };
    expect(read(body)).toEqual(expected);
    expect(read(inEnvelope(JSON.stringify(body)))).toEqual(expected);
  });

  it("are those of a login that has all of an envelope's keys too", () => {
    const held = JSON.stringify({ ip: "198.51.100.1" });
    expect(read({ ...ENVELOPE, Message: held, ip: "192.0.2.1" }).ip).toEqual([IP]);
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
  ])("are none in %s", (_what, body) => {
    expect(read(body)).toEqual(NONE);
  });
});
