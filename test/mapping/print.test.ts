// A mapping as it is printed, and read again.
import fc from "fast-check";
import { expect, it } from "vitest";
import { complete } from "../../src/mapping/complete.ts";
import { readMapping } from "../../src/mapping/file.ts";
import { LOGIN } from "../../src/mapping/login.ts";
import { printMapping } from "../../src/mapping/print.ts";
import { warningsOf } from "../../src/mapping/warnings.ts";
import { anyFile } from "./files.ts";

it("prints the built-in mapping, a line for each column", () => {
  expect(printMapping(LOGIN, "one\ntwo")).toBe(`# one
# two

version: 1
table: public.user_logins
envelopes: [ sns ]
columns:
  user_id: { min: 1, max: 128, nullable: false }
  device_type: { max: 32 }
  masked_ip: { from: ip, type: ip, mask: token, field: ip }
  masked_device_id: { from: device_id, min: 1, normalize: [ uuid, nil ], mask: token, field: device_id }
  locale: { max: 32 }
  app_version: { type: version }
  create_date: { from: [ create_date, $sent_at ], type: date }
`);
});

it("reads the built-in mapping back as it is built in", () => {
  expect(readMapping(printMapping(LOGIN, ""))).toEqual({ mapping: complete(LOGIN) });
});

it("reads every mapping back as it was printed", () => {
  fc.assert(
    fc.property(anyFile, (file) => {
      expect(readMapping(printMapping(file, "any"))).toEqual({ mapping: complete(file) });
    }),
  );
});

it("reads every mapping alike as JSON and as YAML", () => {
  fc.assert(
    fc.property(anyFile, (file) => {
      expect(readMapping(JSON.stringify(file))).toEqual({ mapping: complete(file) });
    }),
  );
});

it("warns of columns that keep what nobody named", () => {
  const columns = {
    one: { type: "jsonb" as const },
    two: { type: "jsonb" as const, keep: ["a"] },
    three: { from: ["a", "$body"] },
    four: {},
    five: { from: "$body", mask: "token" as const },
    six: { from: "$body", type: "jsonb" as const, keep: ["a"] },
  };
  expect(warningsOf(complete({ version: 1, table: "a.b", columns }))).toEqual([
    'Column "one" keeps all of a JSON value, also keys that senders add later, in the clear. List the paths that you need in keep.',
    'Column "three" gets the whole body ($body), with all personal data in it, in the clear. Name the keys that you need.',
  ]);
});
