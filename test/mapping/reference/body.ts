// Text that is a body: JSON, JSON in a string, base64 of JSON, gzip in base64.
import { gunzipSync } from "node:zlib";
import { readJson } from "./json.ts";
import { Beyond, Unreadable, type Value } from "./value.ts";

const BYTES = 16 * 1024 * 1024;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export type Structure = Value[] | Map<string, Value>;

export function isStructure(value: Value): value is Structure {
  return Array.isArray(value) || value instanceof Map;
}

/** The layers of a message that are left. */
export interface Layers {
  left: number;
}

export function takeLayer(layers: Layers): void {
  layers.left -= 1;
  if (layers.left < 0) throw new Beyond("more than three layers");
}

/** @throws {Unreadable} if the text is no body; a {@link Beyond} if it is beyond a limit */
export function readBody(text: string, layers: Layers): Structure {
  if (Buffer.byteLength(text) > BYTES) throw new Beyond("too large");
  const value = readJsonOrBase64(text, layers);
  if (isStructure(value)) return value;
  if (typeof value !== "string") throw new Unreadable("neither an object nor a list");
  takeLayer(layers);
  return readBody(value, layers);
}

/** What base64 held is a body of its own. */
function readJsonOrBase64(text: string, layers: Layers): Value {
  try {
    return readJson(text);
  } catch (error) {
    if (!(error instanceof Unreadable) || error instanceof Beyond) throw error;
    const bytes = readBase64(text.replace(/^\u{feff}/u, ""));
    if (bytes.length === 0) throw new Unreadable("empty");
    takeLayer(layers);
    return readBody(readUtf8(unzip(bytes)), layers);
  }
}

/** RFC 4648, sections 4 and 5, blanks and the right number of `=` left out. */
function readBase64(text: string): Uint8Array {
  const bytes: number[] = [];
  let [bits, held, padding] = [0, 0, 0];
  for (const character of text) {
    if (" \t\r\n".includes(character)) continue;
    if (character === "=") {
      padding += 1;
      continue;
    }
    const six = ALPHABET.indexOf(character === "-" ? "+" : character === "_" ? "/" : character);
    if (six === -1 || padding > 0) throw new Unreadable("not base64");
    held = (held << 6) | six;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push(held >> bits);
    held &= (1 << bits) - 1;
  }
  if (bits === 6 || padding > 2) throw new Unreadable("not base64");
  return Uint8Array.from(bytes);
}

function unzip(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: BYTES });
  } catch (error) {
    const isLarge = error instanceof RangeError;
    throw isLarge ? new Beyond("too large") : new Unreadable("damaged gzip");
  }
}

function readUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Unreadable("not UTF-8");
  }
}
