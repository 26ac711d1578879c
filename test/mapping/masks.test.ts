import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalIp } from "../../src/masking/canonical.ts";
import { compile } from "../../src/mapping/compile.ts";
import { maskedFields, type MaskedField } from "../../src/mapping/fields.ts";
import { Invalid, type Column, type Condition } from "../../src/mapping/mapping.ts";
import { columnMask, networkBytes, spellingOf, spellNetwork } from "../../src/mapping/masks.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { column, keys, keysOf, mapping, sent } from "./example.ts";
import { columnOf } from "./values.ts";

function bytesOf(address: string): Uint8Array {
  const bytes = canonicalIp(address);
  if (bytes === undefined) throw new Error("no address");
  return bytes;
}
const hex = (bytes: Uint8Array | Invalid | undefined): unknown =>
  bytes instanceof Uint8Array ? Buffer.from(bytes).toString("hex") : bytes;

const NETWORK: Column["mask"] = { kind: "network", field: "ip", v4: 24, v6: 48 };

describe("a column's mask", () => {
  it("is none where the column has none", () => {
    expect(columnMask(columnOf("text"))).toBeUndefined();
  });

  it("has the field's key and the canonical bytes of the type", () => {
    const mask = columnMask(columnOf("numeric", { mask: { kind: "token", field: "tax_id" } }));
    expect(mask?.keyName).toBe("tax_id");
    expect(mask?.bytes("1.50")).toEqual(Buffer.from("1.5"));
    expect(mask?.bytes("x")).toEqual(new Invalid("not a number"));
    expect(spellingOf("numeric")?.(Buffer.from("1.5"))).toBe("1.5");
  });

  it("of a network has a key of its own, and the network's bytes", () => {
    const mask = columnMask(columnOf("ip", { mask: NETWORK }));
    expect(mask?.keyName).toBe("network/ip");
    expect(hex(mask?.bytes("[::ffff:192.0.2.99]:443"))).toBe("00000000000000000000ffffc000020078");
    expect(mask?.bytes("localhost")).toEqual(new Invalid("not an IP address"));
    expect(spellingOf("network")?.(networkBytes(bytesOf("192.0.2.99"), 24, 48))).toBe("192.0.2.0/24");
  });

  it.each(["double", "boolean", "jsonb", "timestamptz", "version", "version_major"] as const)(
    "cannot be one of type %s",
    (type) => {
      expect(() => columnMask(columnOf(type, { mask: { kind: "token", field: "a" } }))).toThrow(TypeError);
    },
  );
});

describe("a masked field", () => {
  const fieldOf = (normalize: Column["normalize"]): MaskedField => {
    const masked = columnOf("text", { normalize, mask: { kind: "token", field: "a" } });
    const field = maskedFields(mapping({ columns: [masked] })).get("a");
    if (field === undefined) throw new Error("no field");
    return field;
  };

  it.each<[Column["normalize"], string, string]>([
    [["url_decode"], "a%2Bb%2525", "a+b%25"],
    [["lower", "url_decode"], "%41", "A"],
    [["url_decode", "trim", "lower", "uuid", "empty", "nil"], "%20A+%2B", "a +"],
  ])("with %j reads %j once, and its value again without a change", (normalize, text, value) => {
    const { read, reread } = fieldOf(normalize);
    expect(read(text)).toEqual(Buffer.from(value));
    expect(reread(value)).toEqual(Buffer.from(value));
  });

  it("is that of the first column with the field; columns without a mask have none", () => {
    const mask: Column["mask"] = { kind: "token", field: "a" };
    const columns = [
      columnOf("text"),
      columnOf("text", { mask, normalize: ["empty"] }),
      columnOf("text", { mask }),
      columnOf("ip", { mask: NETWORK }),
    ];
    const fields = maskedFields(mapping({ columns }));
    expect([...fields.keys()]).toEqual(["a", "network/ip"]);
    expect(fields.get("a")?.read("")).toBeNull();
    expect(fields.get("network/ip")?.type).toBe("network");
  });

  it("says what a drain would store as NULL, or reject", () => {
    const { read, reread } = fieldOf(["url_decode", "empty"]);
    expect([read(""), read("%"), read("\0")]).toEqual([
      null,
      new Invalid("not URL-encoded"),
      new Invalid("has a NUL character"),
    ]);
    expect(reread("%")).toEqual(Buffer.from("%"));
  });

  it("gives a value that was masked without the steps its form", () => {
    const { reread } = fieldOf(["trim", "uuid"]);
    expect(reread(" 0F8FAD5B-D9CB-469F-A165-70867728950E")).toEqual(
      Buffer.from("0f8fad5b-d9cb-469f-a165-70867728950e"),
    );
  });
});

describe("the network of an address", () => {
  it.each([
    ["192.0.2.99", 24, 48, "00000000000000000000ffffc000020078", "192.0.2.0/24"],
    ["192.0.2.99", 32, 48, "00000000000000000000ffffc000026380", "192.0.2.99/32"],
    ["192.0.2.99", 31, 48, "00000000000000000000ffffc00002627f", "192.0.2.98/31"],
    ["192.255.2.99", 10, 48, "00000000000000000000ffffc0c000006a", "192.192.0.0/10"],
    ["192.0.2.99", 0, 48, "00000000000000000000ffff0000000060", "0.0.0.0/0"],
    ["2001:db8:1:ffff::1", 24, 48, "20010db800010000000000000000000030", "2001:db8:1::/48"],
    ["2001:db8:1:ffff::1", 24, 52, "20010db80001f000000000000000000034", "2001:db8:1:f000::/52"],
    ["2001:db8::1", 24, 128, "20010db800000000000000000000000180", "2001:db8::1/128"],
    ["2001:db8::1", 24, 0, "0000000000000000000000000000000000", "::/0"],
    ["::192.0.2.99", 24, 120, "000000000000000000000000c000020078", "::c000:200/120"],
    ["::fffe:0:1", 24, 96, "00000000000000000000fffe0000000060", "::fffe:0:0/96"],
  ])("%s, /%i and /%i", (address, v4, v6, bytes, spelled) => {
    const network = networkBytes(bytesOf(address), v4, v6);
    expect(hex(network)).toBe(bytes);
    expect(spellNetwork(network)).toBe(spelled);
  });

  it("is the same for two addresses exactly if their first bits are", () => {
    const bits = (bytes: Uint8Array): string =>
      Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
    const pair = fc.tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(127), fc.nat(128));
    fc.assert(
      fc.property(pair, ([one, flipped, v6]) => {
        const other = one.map((byte, index) =>
          index === flipped >> 3 ? byte ^ (0x80 >> (flipped & 7)) : byte,
        );
        const [first, second] = [one, other].map((address) => networkBytes(address, 24, v6));
        expect(hex(first) === hex(second)).toBe(bits(one).slice(0, v6) === bits(other).slice(0, v6));
        expect(bits(first?.subarray(0, 16) ?? new Uint8Array())).toBe(
          bits(one).slice(0, v6).padEnd(128, "0"),
        );
      }),
    );
  });
});

it("the tokens in a message are found whatever becomes of its records", () => {
  const masked = { ...column("a", keys("a")), mask: { kind: "token", field: "a" } } as const;
  const whole = mapping({ columns: [masked, column("b", keys("b"))] });
  const listed = { ...whole, records: keys("items") };
  const when = (path: Condition["path"]): Condition[] => [{ path, test: { kind: "equals", values: ["x"] } }];
  const tokensIn = (changed: typeof whole, body: unknown): readonly string[] =>
    compile(changed, deriveKeys(Buffer.alloc(32, 1))).tokensIn(sent(body));
  const [token] = tokensIn(whole, { a: "1", b: "" });
  expect(token).toMatch(/^h1\./);
  const message = { items: [{ a: "1", kind: "y" }, { kind: "x" }] };
  for (const unmatched of ["quarantine", "skip"] as const) {
    expect(tokensIn({ ...whole, unmatched, when: when(keys("kind")) }, { a: "1" })).toEqual([token]);
    expect(tokensIn({ ...listed, unmatched, when: when(keys("kind")) }, message)).toEqual([token]);
    expect(tokensIn({ ...listed, unmatched, when: when(keysOf("message", "kind")) }, message)).toEqual([
      token,
    ]);
  }
  expect(tokensIn(whole, { a: "1" })).toEqual([token]);
  expect(tokensIn(listed, { a: "1" })).toEqual([]);
});
