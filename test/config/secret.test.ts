import { Console } from "node:console";
import { Writable } from "node:stream";
import { format, inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { Secret } from "../../src/config/secret.ts";

const secret = new Secret("hunter2");

it("a secret gives itself out when asked to", () => {
  expect(secret.reveal()).toBe("hunter2");
  expect(new Secret(Uint8Array.of(1, 2)).reveal()).toEqual(Uint8Array.of(1, 2));
});

function printed(print: (console: Console) => void): string {
  let text = "";
  const stream = new Writable({
    write: (part: Buffer, _encoding, done) => {
      text += part.toString("utf8");
      done();
    },
  });
  print(new Console(stream));
  return text.trimEnd();
}

describe("a secret is a placeholder", () => {
  it.each<[string, () => string, string]>([
    ["as a string", () => String(secret), "[secret]"],
    ["by toString", () => secret.toString(), "[secret]"],
    ["by toLocaleString", () => secret.toLocaleString(), "[secret]"],
    // eslint-disable-next-line @typescript-eslint/restrict-template-expressions
    ["in a template", () => `${secret}`, "[secret]"],
    ["in a list that is joined", () => [secret, secret].join(" "), "[secret] [secret]"],
    ["as a key of an object", () => Object.keys({ [String(secret)]: 1 }).join(""), "[secret]"],
    ["as JSON", () => JSON.stringify(secret), '"[secret]"'],
    ["as JSON within an object", () => JSON.stringify({ a: [{ secret }] }), '{"a":[{"secret":"[secret]"}]}'],
    ["inspected", () => inspect(secret), "[secret]"],
    ["inspected within an object", () => inspect({ a: { secret } }), "{ a: { secret: [secret] } }"],
    ["inspected within a map", () => inspect(new Map([["a", secret]])), "Map(1) { 'a' => [secret] }"],
    ["inspected with all that is hidden", () => inspect(secret, { showHidden: true, depth: 9 }), "[secret]"],
    ["formatted by %s", () => format("%s", secret), "[secret]"],
    ["formatted by %o", () => format("%o", secret), "[secret]"],
    ["formatted by %O", () => format("%O", secret), "[secret]"],
    ["formatted by %j", () => format("%j", secret), '"[secret]"'],
    ["formatted by %d", () => format("%d", secret), "NaN"],
    [
      "logged",
      () =>
        printed((console) => {
          console.log(secret);
        }),
      "[secret]",
    ],
    [
      "logged behind a text",
      () =>
        printed((console) => {
          console.log("key", { secret });
        }),
      "key { secret: [secret] }",
    ],
  ])("%s", (_how, print, expected) => {
    expect(print()).toBe(expected);
  });

  it.each<[string, () => string]>([
    [
      "logged by console.dir",
      () =>
        printed((console) => {
          console.dir({ secret });
        }),
    ],
    [
      "inspected against its will",
      () => inspect(secret, { customInspect: false, showHidden: true, depth: 9 }),
    ],
    [
      "logged in a table",
      () =>
        printed((console) => {
          console.table([{ secret }]);
        }),
    ],
    ["the cause of an error", () => inspect(new Error("failed", { cause: secret }))],
    ["a property of an error", () => inspect(Object.assign(new Error("failed"), { secret }))],
    ["copied into an object", () => JSON.stringify(Object.assign({}, secret))],
    ["copied as a structure", () => inspect(structuredClone(secret))],
    ["listed by its properties", () => Reflect.ownKeys(secret).map(String).join(" ")],
  ])("or nothing: %s", (_how, print) => {
    expect(print()).not.toContain("hunter2");
  });

  it("also when it is a key, of which the bytes would show", () => {
    const key = new Secret(Buffer.from("hunter2"));
    expect([String(key), JSON.stringify(key), inspect(key)]).toEqual(["[secret]", '"[secret]"', "[secret]"]);
  });
});
