// JSON as text, and text within text.
import { gzipSync } from "node:zlib";
import { Num, type Value } from "../reference/value.ts";
import type { Choices } from "./choices.ts";

/** JSON with the numbers as they are; blanks, escapes and repeated keys here and there. */
export function write(choices: Choices, value: Value): string {
  const blank = choices.isRare(4) ? choices.pick(" ", "\n", "\t\r") : "";
  return blank + writeBare(choices, value) + blank;
}

function writeBare(choices: Choices, value: Value): string {
  if (value instanceof Num) return value.text;
  if (typeof value === "string") return quoted(choices, value);
  if (Array.isArray(value)) return `[${value.map((each) => write(choices, each)).join()}]`;
  if (!(value instanceof Map)) return String(value);
  const members = Array.from(value, ([key, each]) => `${quoted(choices, key)}:${write(choices, each)}`);
  const [first] = value.keys();
  const isRepeated = first !== undefined && choices.isRare(3);
  return `{${(isRepeated ? [`${quoted(choices, first)}:[1]`, ...members] : members).join()}}`;
}

function quoted(choices: Choices, text: string): string {
  const json = JSON.stringify(text);
  if (!choices.isRare(3)) return json;
  return json.replaceAll(/[a-z](?=[a-z"])/g, (letter, at: number, all: string) =>
    all.charAt(at - 1) === "\\" ? letter : `\\u00${letter.charCodeAt(0).toString(16)}`,
  );
}

/** A layer around the text of a body. */
export function wrapped(choices: Choices, text: string): string {
  const bytes = Buffer.from(choices.isRare(5) ? `\u{feff}${text}` : text);
  switch (choices.nat(6)) {
    case 0:
      return JSON.stringify(text);
    case 1:
      return bytes.toString("base64");
    case 2:
      return gzipSync(bytes, { level: 1 }).toString("base64");
    case 3:
      return bytes.toString("base64url");
    case 4:
      return bytes.toString("base64").replaceAll(/.{20}/g, "$&\r\n");
    default:
      return bytes.toString("base64").replaceAll("=", "");
  }
}

/** With one character gone or another in its place. */
export function damaged(choices: Choices, text: string): string {
  const at = choices.nat(text.length + 1);
  return text.slice(0, at) + choices.pick("", "}", '"', "é", "\0", "=", "-") + text.slice(at + 1);
}
