// Pure: reads a body down to an object or a list: JSON, JSON in a JSON string, base64 of either, gzip in base64.
import { Buffer, isUtf8 } from "node:buffer";
import { gunzipSync } from "node:zlib";
import { isList, isObject, NOT_JSON, parseJson } from "./json.ts";
import { BeyondLimit, MAX_BYTES } from "./limits.ts";
import { Invalid, type JsonObject, type Json } from "./mapping.ts";

/** What a body is in the end. */
export type Structure = JsonObject | readonly Json[];

/** What may still be opened; reading takes from it. */
export interface Allowance {
  /** Texts within the text. */
  layers: number;
  /** What gzip may still give, over all texts of a message, bytes. */
  bytes: number;
}

export const NOT_A_STRUCTURE = new Invalid("not a JSON object or list");
const NOT_UTF8 = new Invalid("not UTF-8");
const DAMAGED = new Invalid("damaged gzip");
const TOO_LARGE = new BeyondLimit("larger than 16 MiB");
const TOO_MANY_LAYERS = new BeyondLimit("more than three layers");

/** The most that a byte of deflate can become (zlib, "Maximum Expansion Factor"). */
const MAX_EXPANSION = 1032;

/** RFC 4648, sections 4 and 5, with or without padding. */
const BASE64 = /^[\w+/-]+={0,2}$/;

/**
 * Reads a text as a body. The text itself is not one of the layers.
 *
 * @returns the object or list, or the reason why there is none; `BeyondLimit` where it is too large or too deep
 */
export function readBody(body: string, allowance: Allowance): Structure | Invalid {
  let text = body;
  let notJson = NOT_JSON;
  for (;;) {
    if (isTooLarge(text)) return TOO_LARGE;
    const value = parseJson(text);
    if (typeof value === "string") notJson = NOT_A_STRUCTURE;
    const inner = value === NOT_JSON ? readBase64(text, allowance) : value;
    if (inner === NOT_JSON) return notJson;
    if (inner instanceof Invalid) return inner;
    if (typeof inner !== "string") return isList(inner) || isObject(inner) ? inner : NOT_A_STRUCTURE;
    if (allowance.layers === 0) return TOO_MANY_LAYERS;
    allowance.layers -= 1;
    text = inner;
  }
}

/** Reads a text within a body: one layer more. Its reasons begin with the key that holds it. */
export function readWithin(key: string, text: string, allowance: Allowance): Structure | Invalid {
  const read = allowance.layers === 0 ? TOO_MANY_LAYERS : readBody(text, takeLayer(allowance));
  return read instanceof Invalid ? new Invalid(`${key}: ${read.reason}`) : read;
}

function takeLayer(allowance: Allowance): Allowance {
  allowance.layers -= 1;
  return allowance;
}

/** A UTF-16 unit is one to three bytes of UTF-8. */
function isTooLarge(text: string): boolean {
  if (text.length > MAX_BYTES) return true;
  return text.length > MAX_BYTES / 3 && Buffer.byteLength(text) > MAX_BYTES;
}

/** The text in base64, `NOT_JSON` if there is none. Line ends and blanks are ignored (RFC 2045, section 6.8). */
function readBase64(text: string, allowance: Allowance): string | Invalid {
  const base64 = text.replaceAll(/\s/g, "");
  if (!BASE64.test(base64) || hasLoneDigit(base64)) return NOT_JSON;
  const bytes = Buffer.from(base64, "base64");
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const inflated = isGzip ? inflate(bytes, allowance) : bytes;
  if (inflated instanceof Invalid) return inflated;
  if (isUtf8(inflated)) return inflated.toString();
  return isGzip || beginsAsJson(inflated) ? NOT_UTF8 : NOT_JSON;
}

/** Whether the last group has one digit: too few for a byte, so the text is not whole. */
function hasLoneDigit(base64: string): boolean {
  const padding = base64.indexOf("=");
  return (padding < 0 ? base64.length : padding) % 4 === 1;
}

/** Whether bytes that are not UTF-8 were meant as JSON; a word or a number may look like base64 by chance. */
function beginsAsJson(bytes: Buffer): boolean {
  return ["{", "[", '"'].some((first) => bytes[0] === first.charCodeAt(0));
}

/** Stops at the limit: what is beyond is never held. */
function inflate(bytes: Buffer, allowance: Allowance): Buffer | Invalid {
  if (allowance.bytes === 0) return TOO_LARGE;
  try {
    const inflated = gunzipSync(bytes, { maxOutputLength: allowance.bytes });
    allowance.bytes -= inflated.length;
    return inflated;
  } catch (error) {
    // It does not say how much it gave before.
    allowance.bytes -= Math.min(allowance.bytes, bytes.length * MAX_EXPANSION);
    // Node's ERR_BUFFER_TOO_LARGE.
    return error instanceof RangeError ? TOO_LARGE : DAMAGED;
  }
}
