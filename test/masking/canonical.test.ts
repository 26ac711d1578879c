import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalIp, spellIp } from "../../src/masking/canonical.ts";

const hexOf = (text: string): string | undefined => {
  const bytes = canonicalIp(text);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("hex");
};

describe("every spelling of one address gives the same 16 bytes", () => {
  it.each([
    ["192.0.2.1", "00000000000000000000ffffc0000201"],
    ["0.0.0.0", "00000000000000000000ffff00000000"],
    ["255.255.255.255", "00000000000000000000ffffffffffff"],
    // IPv4-mapped: RFC 4291, section 2.5.5.2
    ["::ffff:192.0.2.1", "00000000000000000000ffffc0000201"],
    ["::FFFF:192.0.2.1", "00000000000000000000ffffc0000201"],
    ["::ffff:c000:201", "00000000000000000000ffffc0000201"],
    ["0:0:0:0:0:ffff:192.0.2.1", "00000000000000000000ffffc0000201"],
    ["0000:0000:0000:0000:0000:ffff:c000:0201", "00000000000000000000ffffc0000201"],
    // not mapped, and so another address: IPv4-compatible, section 2.5.5.1
    ["::192.0.2.1", "000000000000000000000000c0000201"],
    ["::", "00000000000000000000000000000000"],
    ["0:0:0:0:0:0:0:0", "00000000000000000000000000000000"],
    ["0::0", "00000000000000000000000000000000"],
    ["::0.0.0.0", "00000000000000000000000000000000"],
    ["::1", "00000000000000000000000000000001"],
    ["0:0:0:0:0:0:0:1", "00000000000000000000000000000001"],
    ["2001:db8::", "20010db8000000000000000000000000"],
    ["2001:db8:0:0:0:0:0:0", "20010db8000000000000000000000000"],
    ["2001:db8::a:0:0:b", "20010db80000000000" + "0a00000000000b"],
    ["2001:DB8:0:0:A::B", "20010db80000000000" + "0a00000000000b"],
    ["2001:0db8:0000:0000:000a:0000:0000:000b", "20010db80000000000" + "0a00000000000b"],
    // `::` may stand for a single group
    ["1:2:3:4:5:6:7::", "00010002000300040005000600070000"],
    ["::2:3:4:5:6:7:8", "00000002000300040005000600070008"],
    ["1:2:3::5:6:7:8", "00010002000300000005000600070008"],
    ["64:ff9b::192.0.2.33", "0064ff9b0000000000000000c0000221"],
    ["64:ff9b::c000:221", "0064ff9b0000000000000000c0000221"],
    ["1:2:3:4:5:6:1.2.3.4", "00010002000300040005000601020304"],
  ])("%s", (text, bytes) => {
    expect(hexOf(text)).toBe(bytes);
  });

  it.each([
    ["192.0.2.10:51234", "192.0.2.10"],
    ["192.0.2.10:0", "192.0.2.10"],
    ["192.0.2.10:65535", "192.0.2.10"],
    ["192.0.2.10:00080", "192.0.2.10"],
    ["[192.0.2.10]", "192.0.2.10"],
    ["[192.0.2.10]:443", "192.0.2.10"],
    ["[2001:db8::7]", "2001:db8::7"],
    ["[2001:db8::7]:443", "2001:db8::7"],
    ["[2001:DB8::7]:65535", "2001:db8::7"],
    ["[::ffff:192.0.2.10]:443", "192.0.2.10"],
    // as Node joins the address and the port of a dual-stack socket: what follows the last part of IPv4 can only be a port
    ["::ffff:192.0.2.10:443", "192.0.2.10"],
    ["::192.0.2.10:443", "::c000:20a"],
    // without brackets the last group is one of the address
    ["2001:db8::7:443", "2001:db8::7:443"],
    ["fe80::1%eth0", "fe80::1"],
    ["fe80::1%25eth0", "fe80::1"],
    ["fe80::1%12", "fe80::1"],
    ["fe80::1%eth0.100", "fe80::1"],
    ["fe80::1%br-0_a~b", "fe80::1"],
    ["[fe80::1%eth0]", "fe80::1"],
    ["[fe80::1%eth0.100]:443", "fe80::1"],
    ["::ffff:192.0.2.10%eth0", "192.0.2.10"],
    ["::%1.2.3.4", "::"],
    [" 192.0.2.10", "192.0.2.10"],
    ["192.0.2.10\n", "192.0.2.10"],
    ["\t192.0.2.10\r\n", "192.0.2.10"],
    ["\u{a0}2001:db8::7\u{3000}", "2001:db8::7"],
    [" [fe80::1%eth0]:443 ", "fe80::1"],
    [" ".repeat(64) + "192.0.2.10" + " ".repeat(54), "192.0.2.10"],
  ])("%j is %s", (text, spelled) => {
    expect(spellIp(canonicalIp(text) ?? new Uint8Array())).toBe(spelled);
  });

  it("for any address, with brackets, zone, port and white space around it", () => {
    const blanks = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r"), maxLength: 4 });
    const zone = fc.option(fc.stringMatching(/^[\w.~-]{1,15}$/), { nil: undefined });
    const port = fc.option(fc.nat(65_535), { nil: undefined });
    fc.assert(
      fc.property(fc.ipV6(), zone, port, blanks, blanks, (text, zoneId, portNumber, before, after) => {
        const zoned = text + (zoneId === undefined ? "" : `%${zoneId}`);
        const spelled = portNumber === undefined ? zoned : `[${zoned}]:${portNumber}`;
        return hexOf(before + spelled + after) === hexOf(text);
      }),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(65_535), blanks, (text, portNumber, before) => {
        expect(hexOf(`${before}${text}:${portNumber}`)).toBe(hexOf(text));
      }),
    );
  });

  it("for any 16 bytes, in whatever way RFC 4291, section 2.2, lets them be written", () => {
    fc.assert(
      fc.property(groups, spellings, (values, spelling) => {
        const hex = values.map((value) => value.toString(16).padStart(4, "0")).join("");
        return hexOf(spell(values, spelling)) === hex;
      }),
      { numRuns: 2000 },
    );
  });

  it("for any IPv4 address, as itself and as IPv4-mapped IPv6", () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        const bytes = text.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
        expect(hexOf(text)).toBe(`00000000000000000000ffff${bytes.join("")}`);
        expect(hexOf(`::ffff:${text}`)).toBe(hexOf(text));
      }),
    );
  });
});

describe("is no address:", () => {
  it.each([
    // IPv4: four decimal parts, nothing else (RFC 6943, section 3.1.1)
    "",
    "192.0.2",
    "192.0.2.1.5",
    "192.0.2.",
    ".192.0.2.1",
    "192..2.1",
    "256.0.2.1",
    "192.0.2.256",
    "192.0.2.1000",
    "192.0.02.1",
    "192.0.2.01",
    "00.0.0.0",
    "0300.0.2.1",
    "0xc0.0.2.1",
    "0xc0000201",
    "3221225985",
    "1",
    "127.1",
    "-1.0.2.1",
    "+1.0.2.1",
    "1e1.0.2.1",
    "192. 0.2.1",
    "192.0.2.1/24",
    "192.0.2.1, 198.51.100.1",
    "192,0,2,1",
    "１９２.0.2.1",
    "١٩٢.0.2.1",
    "192。0。2。1",
    "localhost",
    "example.org",
    "unknown",
    // IPv6
    ":",
    ":::",
    "::::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "1:2:3:4::5:6:7:8",
    "1:2:3:4:5:6:7:",
    ":2:3:4:5:6:7:8",
    "1:",
    ":1",
    "2001:db8:::1",
    "2001:db8::12345",
    "2001:db8::00001",
    "2001:db8::g",
    "2001:db8::0x1",
    "2001:db8::-1",
    "fe80::1%",
    "::%",
    "2001:db8::/32",
    "2001:db8::1/128",
    "2001 :db8::1",
    // a port is 0 to 65535, in one to five digits
    "192.0.2.1:",
    "192.0.2.1:65536",
    "192.0.2.1:99999",
    "192.0.2.1:000080",
    "192.0.2.1:-1",
    "192.0.2.1:+80",
    "192.0.2.1:0x50",
    "192.0.2.1:http",
    "192.0.2.1:8０",
    "192.0.2.1: 80",
    "192.0.2.1 :80",
    "192.0.2.1:80:80",
    "192.0.2.01:80",
    "256.0.2.1:80",
    "127.1:80",
    "[2001:db8::1]:65536",
    "[2001:db8::1]:",
    "[2001:db8::1]80",
    "1:2:3:4:5:6:7:8:443",
    // brackets come in pairs, and stand around an address alone
    "[2001:db8::1",
    "2001:db8::1]",
    "[[2001:db8::1]]",
    "[2001:db8::1]]",
    "[]",
    "[]:80",
    "[:80]",
    "[192.0.2.1:80]",
    "[2001:db8::1]:80]",
    "[ 2001:db8::1 ]",
    "(2001:db8::1)",
    "[localhost]",
    "[IPv6:2001:db8::1]",
    // a zone is an IPv6 address's, and has no blank, comma, colon, slash or bracket
    "192.0.2.1%eth0",
    "[192.0.2.1%eth0]",
    "%eth0",
    "fe80%eth0",
    "fe80::1%eth 0",
    "fe80::1%eth0, 192.0.2.1",
    "192.0.2.1, fe80::1%eth0",
    "gfe80::1%eth0",
    "fe80::1%eth0:443",
    "fe80::1%eth0/64",
    "fe80::1%a%b",
    "fe80::1%é",
    "fe80::1%\n",
    "fe80::1%eth0\0",
    "fe80::1%]",
    "[fe80::1]%eth0",
    "fe80::1/64%eth0",
    `fe80::1%${"e".repeat(121)}`,
    `192.0.2.1${" ".repeat(120)}`,
    // several
    "192.0.2.1 198.51.100.1",
    "192.0.2.1,",
    "192.0.2.1:80, 198.51.100.1:80",
    "2001:db8::1, 2001:db8::2",
    // white space within
    "192.0.2\n.1",
    "2001:db8:\n:1",
    "::ffff:192.0.2",
    "::ffff:192.0.2.256",
    "::ffff:192.0.2.01",
    "::ffff:0300.0.2.1",
    "::ffff:0xc0.0.2.1",
    "::ffff:192.0.2.1.1",
    "192.0.2.1::",
    "1:2:3:4:5:6:7:192.0.2.1",
    "1:2:3:4:5:192.0.2.1",
    "192.0.2.1:2001:db8::",
    "::1.",
    "::.1",
  ])("%j", (text) => {
    expect(canonicalIp(text)).toBeUndefined();
  });
});

describe("an address is what Node takes for one, once brackets, port, zone and white space are off", () => {
  /** By hand, without an expression. */
  const isAddress = (text: string): boolean => {
    let rest = text.trim();
    const close = rest.indexOf("]");
    const colon = rest.lastIndexOf(":");
    const isPort = (digits: string): boolean =>
      digits.length > 0 &&
      digits.length <= 5 &&
      Array.from(digits).every((digit) => digit >= "0" && digit <= "9") &&
      Number(digits) <= 65_535;
    if (rest.startsWith("[") && close > 0) {
      const after = rest.slice(close + 1);
      if (after !== "" && !(after.startsWith(":") && isPort(after.slice(1)))) return false;
      rest = rest.slice(1, close);
    } else if (
      isPort(rest.slice(colon + 1)) &&
      isIP(rest.slice(rest.slice(0, colon).lastIndexOf(":") + 1, colon)) === 4
    ) {
      rest = rest.slice(0, colon);
    }
    // Node takes some characters in a zone that no interface has.
    const [address = "", ...zone] = rest.split("%");
    if (zone.length === 0) return isIP(address) !== 0;
    return zone.length === 1 && isIP(address) === 6 && zone.every((id) => /^[\w.~-]+$/.test(id));
  };

  const pieces = fc
    .array(
      fc.constantFrom(
        ...["::", ":", ":", ":", ".", ".", "0", "1", "00", "01", "12", "127", "255", "256", "299", "ffff"],
        ...[
          "fFfF",
          "0000",
          "00000",
          "abcd",
          "g",
          "x",
          "%",
          "[",
          "]",
          "]:",
          ":80",
          "/",
          " ",
          "-",
          "1.2.3.4",
          "::ffff:",
          "2001:db8",
          "\n",
        ],
      ),
      { maxLength: 16 },
    )
    .map((parts) => parts.join(""));
  const characters = fc.string({
    unit: fc.constantFrom(...Array.from("0123456789abcdefABCDEF:::...%/xX -[]")),
    maxLength: 45,
  });
  const groupLike = fc
    .tuple(
      fc.array(fc.constantFrom("0", "1", "00", "abcd", "ABCD", "0001", "00001", ""), {
        minLength: 1,
        maxLength: 10,
      }),
      fc.constantFrom("", "1.2.3.4", "1.2.3.04", "1.2.3", "255.255.255.255", "256.1.1.1"),
    )
    .map(([parts, tail]) => (tail === "" ? parts : [...parts, tail]).join(":"));
  const quadLike = fc
    .array(
      fc.constantFrom("0", "1", "9", "10", "99", "100", "199", "249", "250", "255", "256", "00", "01", ""),
      {
        minLength: 3,
        maxLength: 5,
      },
    )
    .map((parts) => parts.join("."));
  const nearMisses = fc
    .tuple(
      fc.oneof(fc.ipV4(), fc.ipV6()),
      fc.nat(45),
      fc.nat(2),
      fc.constantFrom("", ":", ".", "0", "f", "%", " ", "[", "]", "]:", ":80"),
    )
    .map(([text, at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut));

  it.each([
    ["IPv4", fc.ipV4(), 500],
    ["IPv6", fc.ipV6(), 2000],
    ["an address with a character changed", nearMisses, 5000],
    ["groups with colons between", groupLike, 5000],
    ["numbers with dots between", quadLike, 2000],
    ["pieces of addresses", pieces, 5000],
    ["characters of addresses", characters, 5000],
    ["any text", fc.string({ unit: "binary" }), 1000],
  ])("%s", (_what, addresses, numRuns) => {
    fc.assert(
      fc.property(addresses, (text) => (canonicalIp(text) !== undefined) === isAddress(text)),
      { numRuns },
    );
  });
});

describe("canonical bytes are spelled as an address again", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["::ffff:0:0", "0.0.0.0"],
    ["::192.0.2.1", "::c000:201"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["::1", "::1"],
    // RFC 5952, section 4: no leading zeros, the longest run of zeros shortened, the first of equal ones, lower case
    ["2001:0DB8::0001", "2001:db8::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ])("%s as %s", (text, spelled) => {
    expect(spellIp(canonicalIp(text) ?? new Uint8Array())).toBe(spelled);
  });

  it("for any IPv6 address as a URL spells it (WHATWG, which follows RFC 5952), IPv4-mapped ones apart", () => {
    fc.assert(
      fc.property(groups, (values) => {
        const text = values.map((value) => value.toString(16)).join(":");
        fc.pre(!/^(0:){5}ffff:/.test(text));
        return `[${spellIp(canonicalIp(text) ?? new Uint8Array())}]` === new URL(`http://[${text}]`).hostname;
      }),
      { numRuns: 2000 },
    );
  });

  it("and give the same bytes again", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const bytes = canonicalIp(text) ?? new Uint8Array();
        expect(canonicalIp(spellIp(bytes))).toEqual(bytes);
      }),
    );
  });

  it.each([0, 4, 15, 17])("but %i bytes are none", (length) => {
    expect(() => spellIp(new Uint8Array(length))).toThrow();
  });
});

/** Eight groups of 16 bits, zeros often. */
const groups = fc.array(fc.oneof({ arbitrary: fc.constant(0), weight: 2 }, fc.nat(0xffff)), {
  minLength: 8,
  maxLength: 8,
});

interface Spelling {
  readonly upper: boolean;
  readonly padded: boolean;
  /** The last two groups as IPv4. */
  readonly embedded: boolean;
  /** Which run of zeros becomes `::`, and how much of it; none where there is no such run. */
  readonly from: number;
  readonly length: number;
}

const spellings = fc.record({
  upper: fc.boolean(),
  padded: fc.boolean(),
  embedded: fc.boolean(),
  from: fc.nat(7),
  length: fc.nat(8),
});

function spell(values: readonly number[], { upper, padded, embedded, from, length }: Spelling): string {
  const parts = values.map((value) => value.toString(16).padStart(padded ? 4 : 1, "0"));
  if (embedded) {
    const quad = values.slice(6).flatMap((value) => [value >> 8, value & 0xff]);
    parts.splice(6, 2, quad.join("."));
  }
  const end = Math.min(from + length, embedded ? 6 : 8);
  const run = values.slice(from, end);
  const compressed = run.length > 0 && run.every((value) => value === 0);
  const text = compressed
    ? `${parts.slice(0, from).join(":")}::${parts.slice(end).join(":")}`
    : parts.join(":");
  return upper ? text.toUpperCase() : text;
}
