import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalIp } from "../../src/masking/canonical.ts";
import { inEnvelope } from "../support/envelope.ts";
import { readLogin } from "../support/login-entries.ts";

const message = {
  user_id: "424cdd21-063a-43a7-b91b-7ca1a833afae",
  app_version: "2.3.0",
  device_type: "android",
  ip: "192.0.2.1",
  locale: "RU",
  device_id: "913-24-5928",
};

/** The reasons for which a body is turned away; none for a login. */
function reasonsOf(body: unknown): readonly string[] {
  const decoded = readLogin(typeof body === "string" ? body : JSON.stringify(body));
  return decoded.ok ? [] : decoded.reasons;
}

/** The login of a message that keeps the contract. */
function loginOf(body: unknown): unknown {
  const decoded = readLogin(JSON.stringify(body));
  return decoded.ok ? decoded.login : decoded.reasons;
}

describe("a login", () => {
  it("is decoded, the personal fields into their canonical bytes", () => {
    expect(loginOf(message)).toEqual({
      user_id: message.user_id,
      app_version: "2003000",
      device_type: "android",
      masked_ip: canonicalIp("192.0.2.1"),
      locale: "RU",
      masked_device_id: Buffer.from("913-24-5928"),
      create_date: "2030-01-01",
    });
  });

  it("may have null in every field but user_id", () => {
    const nothing = { app_version: null, device_type: null, ip: null, locale: null, device_id: null };
    expect(loginOf({ user_id: "u", ...nothing, create_date: null })).toEqual({
      user_id: "u",
      app_version: null,
      device_type: null,
      masked_ip: null,
      locale: null,
      masked_device_id: null,
      create_date: "2030-01-01",
    });
  });

  it.each([
    ["another key", { ...message, foo: "bar" }],
    ["keys in another order", Object.fromEntries(Object.entries(message).toReversed())],
    ["a key named as a method", { ...message, toString: 1, hasOwnProperty: 1, constructor: 1 }],
    [
      "values of all kinds under other keys",
      { ...message, a: [{}], b: { ip: 1 }, c: true, d: 1e9, e: "\0\ud800" },
    ],
    ["an empty device_type and locale", { ...message, device_type: "", locale: "" }],
    ["an app version that is a number", { ...message, app_version: 2 }],
    ["an IPv6 address", { ...message, ip: "2001:db8::1" }],
  ])("with %s is one", (_what, body) => {
    expect(reasonsOf(body)).toEqual([]);
  });

  it("may have a byte order mark before it", () => {
    expect(reasonsOf(`\u{feff}${JSON.stringify(message)}`)).toEqual([]);
    expect(reasonsOf(`\u{feff} ${JSON.stringify(message)}`)).toEqual([]);
  });

  it.each([
    ["in a JSON string", JSON.stringify(JSON.stringify(message))],
    ["in base64", Buffer.from(JSON.stringify(message)).toString("base64")],
    ["in gzip and base64", gzipSync(JSON.stringify(message)).toString("base64")],
  ])("may be %s", (_what, body) => {
    expect(reasonsOf(body)).toEqual([]);
  });

  it("may be padded with white space, as JSON allows", () => {
    expect(reasonsOf(`\r\n\t ${JSON.stringify(message, null, 2)} \n`)).toEqual([]);
  });
});

describe("a key that is not there is a reason", () => {
  it.each(Object.keys(message))("%s", (key) => {
    const rest = Object.fromEntries(Object.entries(message).filter(([name]) => name !== key));
    expect(reasonsOf(rest)).toEqual([`${key}: missing`]);
  });

  it("and each is told", () => {
    const missing = ["user_id", "device_type", "ip", "device_id", "locale", "app_version"].map(
      (key) => `${key}: missing`,
    );
    expect(reasonsOf({ foo: "oops_wrong_msg_type", bar: "123" })).toEqual(missing);
    for (const list of ["[]", `[${JSON.stringify(message)}]`]) expect(reasonsOf(list)).toEqual(missing);
  });

  it.each([
    ["in other letters", `{"USER_ID": "u", "User_id": "u", "user_id ": "u"}`],
    ["in the prototype", `{"__proto__": ${JSON.stringify(message)}}`],
    ["in a nested object", `{"login": ${JSON.stringify(message)}}`],
  ])("also when it is only there %s", (_where, body) => {
    expect(reasonsOf(body)).toHaveLength(6);
  });
});

describe("a value that breaks the contract is a reason:", () => {
  it.each([
    // wrong types
    ["user_id", null, "null"],
    ["user_id", 1, "not a string"],
    ["user_id", true, "not a string"],
    ["user_id", ["u"], "not a string"],
    ["user_id", { id: "u" }, "not a string"],
    ["device_type", 1, "not a string"],
    ["device_type", false, "not a string"],
    ["device_type", [], "not a string"],
    ["locale", 1, "not a string"],
    ["locale", {}, "not a string"],
    ["ip", 3221225985, "not a string"],
    ["ip", ["192.0.2.1"], "not a string"],
    ["device_id", 1, "not a string"],
    ["device_id", { id: 1 }, "not a string"],
    ["app_version", true, "not a version"],
    ["app_version", ["2.3.0"], "not a version"],
    ["app_version", { major: 2 }, "not a version"],
    ["create_date", 20230101, "not an ISO date"],
    ["create_date", true, "not an ISO date"],
    ["create_date", ["2023-01-01"], "not an ISO date"],
    ["create_date", ["2023-01-01T00:00:00Z"], "not an ISO date"],
    // wrong values
    ["user_id", "", "empty"],
    ["device_id", "", "empty"],
    ["ip", "", "not an IP address"],
    ["ip", "192.0.2.256", "not an IP address"],
    ["ip", "192.0.2.1:65536", "not an IP address"],
    ["ip", "192.0.2.1, 198.51.100.1", "not an IP address"],
    ["ip", "192.0.2.1\0", "not an IP address"],
    ["ip", "\ud83d", "not an IP address"],
    ["app_version", "", "not a version"],
    ["app_version", "2.x", "not a version"],
    ["app_version", 2.5, "not a version"],
    ["app_version", "1.1000", "out of range"],
    ["app_version", 2148, "out of range"],
    // what Postgres does not take
    ["user_id", "a\0b", "has a NUL character"],
    ["device_type", "\0", "has a NUL character"],
    ["locale", "R\0U", "has a NUL character"],
    ["device_id", "\0", "has a NUL character"],
    ["user_id", "\ud800", "has a lone surrogate"],
    ["user_id", "a\udc00b", "has a lone surrogate"],
    ["device_type", "\ude00\ud83d", "has a lone surrogate"],
    ["locale", "📱\ud83d", "has a lone surrogate"],
    ["device_id", "\udfff", "has a lone surrogate"],
    // dates
    ["create_date", "", "not an ISO date"],
    ["create_date", "2023-02-29", "not an ISO date"],
    ["create_date", "2023-00-01", "not an ISO date"],
    ["create_date", "2023-13-01", "not an ISO date"],
    ["create_date", "2023-01-00", "not an ISO date"],
    ["create_date", "2023-04-31", "not an ISO date"],
    ["create_date", "1900-02-29", "not an ISO date"],
    ["create_date", "0000-01-01", "not an ISO date"],
    ["create_date", "2023-1-1", "not an ISO date"],
    ["create_date", "20230101", "not an ISO date"],
    ["create_date", "2023-01-01T00:00:00", "not an ISO date"],
    ["create_date", "2023-01-01 ", "not an ISO date"],
    ["create_date", "2023-01-01\n", "not an ISO date"],
    ["create_date", "01/02/2023", "not an ISO date"],
    ["create_date", "+002023-01-01", "not an ISO date"],
    ["create_date", "-001-01-01", "not an ISO date"],
    ["create_date", "12023-01-01", "not an ISO date"],
    ["create_date", "today", "not an ISO date"],
    ["create_date", "infinity", "not an ISO date"],
  ])("%s %j: %s", (key, value, why) => {
    expect(reasonsOf({ ...message, [key]: value })).toEqual([`${key}: ${why}`]);
  });

  it("and every one of them is told, in one order", () => {
    const broken = {
      create_date: "today",
      device_id: "",
      ip: "localhost",
      device_type: 1,
      app_version: "latest",
      user_id: null,
    };
    expect(reasonsOf(broken)).toEqual([
      "user_id: null",
      "device_type: not a string",
      "ip: not an IP address",
      "device_id: empty",
      "locale: missing",
      "app_version: not a version",
      "create_date: not an ISO date",
    ]);
  });
});

describe("a date of the message's own is kept", () => {
  it.each(["2023-01-01", "2024-02-29", "2000-02-29", "0001-01-01", "0999-12-31", "9999-12-31"])(
    "%s",
    (day) => {
      expect(loginOf({ ...message, create_date: day })).toMatchObject({ create_date: day });
    },
  );
});

describe("a length is counted in code points, as Postgres counts it", () => {
  it.each([
    ["user_id", 128],
    ["device_type", 32],
    ["locale", 32],
  ])("%s takes %i, whatever they are, and not one more", (key, width) => {
    for (const character of ["a", "ä", "装", "📱", "\u{10ffff}", "\u{308}"]) {
      const reasons = (length: number): readonly string[] =>
        reasonsOf({ ...message, [key]: character.repeat(length) });
      expect(reasons(width)).toEqual([]);
      expect(reasons(width + 1)).toEqual([`${key}: longer than ${width} characters`]);
    }
  });

  it("a device id is masked, and so may have any", () => {
    expect(reasonsOf({ ...message, device_id: "d".repeat(100_000) })).toEqual([]);
  });
});

describe("a text that is too long is told as that, whatever else is wrong with it:", () => {
  it.each([
    ["a NUL character", "\0"],
    ["a lone surrogate", "\ud800"],
  ])("%s", (_what, character) => {
    expect(reasonsOf({ ...message, user_id: character + "a".repeat(128) })).toEqual([
      "user_id: longer than 128 characters",
    ]);
  });
});

describe("the nil UUID as a device id is none", () => {
  it("and the same number in another form is one", () => {
    const nil = "00000000-0000-0000-0000-000000000000";
    expect(loginOf({ ...message, device_id: nil })).toMatchObject({ masked_device_id: null });
    for (const other of [nil.replaceAll("-", ""), `{${nil}}`, ` ${nil}`, `urn:uuid:${nil}`, "0"]) {
      expect(loginOf({ ...message, device_id: other })).toMatchObject({
        masked_device_id: Buffer.from(other),
      });
    }
  });
});

describe("is no login at all:", () => {
  it.each([
    ["nothing", "", "not JSON"],
    ["white space", " \n", "not JSON"],
    ["plain text", "hello", "not JSON"],
    ["an object cut short", '{"user_id": "u"', "not JSON"],
    ["two objects", "{}{}", "not JSON"],
    ["an object and a line more", "{}\nx", "not JSON"],
    ["a comment", "{} // a login", "not JSON"],
    ["single quotes", "{'user_id': 'u'}", "not JSON"],
    ["a trailing comma", '{"user_id": "u",}', "not JSON"],
    ["a byte order mark alone", "\u{feff}", "not JSON"],
    ["two byte order marks", "\u{feff}\u{feff}{}", "not JSON"],
    ["a byte order mark after white space", " \u{feff}{}", "not JSON"],
    ["a byte order mark at the end", "{}\u{feff}", "not JSON"],
    ["a raw NUL", "\0", "not JSON"],
    ["a raw control character in a string", '{"user_id": "\u{1}"}', "not JSON"],
    ["NaN", "NaN", "not JSON"],
    ["undefined", "undefined", "not JSON"],
    ["form data", "user_id=u&ip=192.0.2.1", "not JSON"],
    ["XML", "<login/>", "not JSON"],
    ["null", "null", "not a JSON object or list"],
    ["a number", "1", "not a JSON object or list"],
    ["a string", '"user_id"', "not a JSON object or list"],
    ["true", "true", "not a JSON object or list"],
  ])("%s", (_what, body, why) => {
    expect(reasonsOf(body)).toEqual([`body: ${why}`]);
  });
});

describe("hostile JSON does no harm:", () => {
  it("of a key that comes twice the last one counts", () => {
    const rest = JSON.stringify(message).slice(1);
    expect(reasonsOf(`{"user_id": 1, ${rest}`)).toEqual([]);
    expect(reasonsOf(`${JSON.stringify(message).slice(0, -1)}, "ip": "x"}`)).toEqual([
      "ip: not an IP address",
    ]);
  });

  it("a __proto__ beside the keys changes nothing, neither here nor for others", () => {
    const body = `{"__proto__": {"create_date": "2023-01-01", "polluted": true}, ${JSON.stringify(message).slice(1)}`;
    const decoded = readLogin(body);
    expect(decoded).toMatchObject({
      ok: true,
      login: { user_id: message.user_id, create_date: "2030-01-01" },
    });
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });

  it.each([
    ["100,000 opened lists", "[".repeat(100_000)],
    ["100,000 nested lists", "[".repeat(100_000) + "]".repeat(100_000)],
    ["100,000 nested objects", '{"a":'.repeat(100_000) + "1" + "}".repeat(100_000)],
  ])("%s", (_what, body) => {
    expect(reasonsOf(body)).toEqual(["body: deeper than 128 levels"]);
  });

  it("a field that is nested 100,000 deep", () => {
    const nested = "[".repeat(100_000) + "]".repeat(100_000);
    expect(reasonsOf(JSON.stringify({ ...message, locale: 0 }).replace(":0", `:${nested}`))).toEqual([
      "body: deeper than 128 levels",
    ]);
  });

  it.each(["user_id", "device_type", "ip", "app_version", "create_date"])("a %s of 1 MiB", (key) => {
    expect(reasonsOf({ ...message, [key]: "1".repeat(2 ** 20) })).toHaveLength(1);
  });
});

describe("a reason says which field and what is wrong, and nothing of the message", () => {
  const why = [
    ...["missing", "null", "not a string", "empty", "has a NUL character", "has a lone surrogate"],
    ...["longer than 128 characters", "longer than 32 characters"],
    ...["not an IP address", "not a version", "out of range", "not an ISO date"],
  ];
  const fields = [...Object.keys(message), "create_date"];
  const reasons = new Set([
    "body: not JSON",
    "body: not a JSON object or list",
    "body: deeper than 128 levels",
    "body: not UTF-8",
    "Message: not JSON",
    "Message: not a JSON object or list",
    "Message: not UTF-8",
    ...fields.flatMap((field) => why.map((text) => `${field}: ${text}`)),
  ]);

  /** Decoding never throws; without a reason it is a login. */
  function expectKnownReasons(body: string): void {
    const decoded = readLogin(body);
    if (decoded.ok) return;
    expect(decoded.reasons).not.toEqual([]);
    expect(new Set(decoded.reasons).size).toBe(decoded.reasons.length);
    expect(decoded.reasons.filter((reason) => !reasons.has(reason))).toEqual([]);
  }

  const value = fc.oneof(
    fc.jsonValue(),
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      null,
      "",
      "\0",
      "\ud800",
      "192.0.2.1",
      "::1",
      "2.3.0",
      "1.1000",
      "2023-02-29",
      "x".repeat(129),
    ),
  );
  const messages = fc.record(
    {
      ...{ user_id: value, app_version: value, device_type: value, ip: value, locale: value },
      ...{ device_id: value, create_date: value },
    },
    { requiredKeys: [] },
  );

  it.each([
    ["for any text", fc.string({ unit: "binary" })],
    ["for any JSON", fc.json({ stringUnit: "binary" })],
    ["for any object with the contract's keys", messages.map((object) => JSON.stringify(object))],
    [
      "for a login with any one value changed",
      fc
        .tuple(fc.constantFrom(...fields), value)
        .map(([key, changed]) => JSON.stringify({ ...message, [key]: changed })),
    ],
    ["for any text in an envelope of SNS", fc.string({ unit: "binary" }).map(inEnvelope)],
    ["for any JSON in an envelope of SNS", fc.json({ stringUnit: "binary" }).map(inEnvelope)],
  ])("%s", (_what, bodies) => {
    fc.assert(fc.property(bodies, expectKnownReasons), { numRuns: 1000 });
  });
});
