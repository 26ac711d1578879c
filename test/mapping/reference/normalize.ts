// The steps between a value as it was found and its type.
import type { Normalization } from "../../../src/mapping/mapping.ts";
import { readJson } from "./json.ts";
import { UUID } from "./types.ts";
import { Unreadable, type Value } from "./value.ts";

const NIL = "00000000-0000-0000-0000-000000000000";
const BLANKS =
  "\t\n\v\f\r \u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}" +
  "\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}";

export function normalize(steps: readonly Normalization[], value: Value): Value {
  let result = value;
  for (const step of steps) if (typeof result === "string") result = apply(step, result);
  return result;
}

function apply(step: Normalization, text: string): Value {
  switch (step) {
    case "trim":
      return trim(text);
    case "lower":
      return text.toLowerCase();
    case "uuid":
      return UUID.test(text) ? text.toLowerCase() : text;
    case "url_decode":
      return urlDecode(text);
    case "empty":
      return text === "" ? null : text;
    case "nil":
      return text === NIL ? null : text;
    case "first":
      return element(text, text.split(",").at(0));
    case "last":
      return element(text, text.split(",").at(-1));
    case "decode":
      return readJson(text);
  }
}

function trim(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && BLANKS.includes(text.charAt(start))) start += 1;
  while (end > start && BLANKS.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function element(text: string, found: string | undefined): string {
  return found === undefined || found.length > 128 ? text : trim(found);
}

/** UTF-8 in `%hh`; a plus is a blank. */
function urlDecode(text: string): string {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < text.length;) {
    const code = text.codePointAt(at) ?? 0;
    const character = String.fromCodePoint(code);
    if (character === "%") {
      const hex = text.slice(at + 1, at + 3);
      if (!/^[0-9a-f]{2}$/i.test(hex)) throw new Unreadable("not URL-encoded");
      parts.push(Uint8Array.of(Number.parseInt(hex, 16)));
      at += 3;
      continue;
    }
    // Neither UTF-8 nor Postgres has a lone surrogate.
    if (code >= 0xd800 && code <= 0xdfff) throw new Unreadable("not storable");
    parts.push(new TextEncoder().encode(character === "+" ? " " : character));
    at += character.length;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(parts));
  } catch {
    throw new Unreadable("not URL-encoded");
  }
}
