// The values that `forget` finds in quarantined bodies of a mapping.
import { expect, it } from "vitest";
import { faultOfDefault } from "../../src/mapping/compile.ts";
import { readMapping } from "../../src/mapping/file.ts";
import { maskOf } from "../../src/masking/token.ts";
import { createTokenReader } from "../../src/quarantine/message.ts";
import { KEYS } from "../support/login-entries.ts";

const read = readMapping(
  `
version: 1
table: public.items
records: items
when: { kind: item }
columns:
  id: { type: integer }
  email: { mask: token, field: email, required: false }
  agent: { from: $attribute.agent, mask: token, field: agent, required: false }
`,
  faultOfDefault,
);

it.each<
  [string, object, Readonly<Record<string, string>>, readonly (readonly ["email" | "agent", string])[]]
>([
  ["records that are rejected", { items: [{ kind: "item", id: "x", email: "a" }] }, {}, [["email", "a"]]],
  [
    "records that were loaded",
    { items: [{ kind: "item", id: 1, email: "a" }, { kind: "item" }] },
    {},
    [["email", "a"]],
  ],
  ["records that when leaves out", { items: [{ kind: "other", email: "a" }] }, {}, [["email", "a"]]],
  ["message attributes", { items: [{ kind: "item", id: "x" }] }, { agent: "b" }, [["agent", "b"]]],
  ["no other place", { email: "a", items: [] }, { email: "a" }, []],
])("are those in %s", (_where, body, attributes, found) => {
  if ("mistakes" in read) throw new Error("no mapping");
  const tokensOf = createTokenReader(read.mapping, [KEYS]);
  const opened = { outcome: "opened", text: JSON.stringify(body), attributes } as const;
  const tokens = found.map(([field, value]) => maskOf(KEYS, field)(Buffer.from(value)));
  expect(tokensOf({ queue: "q", messageId: "m" }, opened)).toEqual(tokens);
});
