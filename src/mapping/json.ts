// Pure: JSON in and out, without loss: a number that a double cannot hold stays a text.
import { FIRST_STAND_IN, scan, type TakenOut } from "./json-scan.ts";
import { Invalid, LongNumber, type Json, type JsonObject } from "./mapping.ts";

const BYTE_ORDER_MARK = "\u{feff}";

export const NOT_JSON = new Invalid("not JSON");

/**
 * Parses a JSON text, at most 128 levels deep. Ignores a byte order mark (RFC 8259, section 8.1). The last of equal keys counts. A number
 * is a {@link LongNumber} where a double would change its value. Takes linear time.
 *
 * @returns the value; {@link NOT_JSON}, or `BeyondLimit`
 */
export function parseJson(text: string): Json | Invalid {
  const json = text.startsWith(BYTE_ORDER_MARK) ? text.slice(BYTE_ORDER_MARK.length) : text;
  const takenOut = scan(json);
  if (takenOut instanceof Invalid) return takenOut;
  try {
    return takenOut === undefined ? parse(json) : parseWithout(json, takenOut);
  } catch {
    return NOT_JSON;
  }
}

function parse(text: string, reviver?: (key: string, value: unknown) => unknown): Json {
  // JSON.parse is typed as any.
  return JSON.parse(text, reviver) as Json;
}

/** Parses with stand-ins for what `scan` took out: `1e300`, `2e300`, … No other number of the text is as large. */
function parseWithout(text: string, { places, numbers }: TakenOut): Json {
  const parts: string[] = [];
  let end = 0;
  for (let nth = 0; nth < numbers.length; nth += 1) {
    parts.push(text.slice(end, places[2 * nth]), `${nth + 1}e300`);
    end = places[2 * nth + 1] ?? end;
  }
  parts.push(text.slice(end));
  return parse(parts.join(""), (_key, value) =>
    typeof value === "number" && value >= FIRST_STAND_IN
      ? numbers[Math.round(value / FIRST_STAND_IN) - 1]
      : value,
  );
}

/** A value as JSON text, its long numbers as they were sent. At most 128 levels deep, as `parseJson` returns it. */
export function stringify(value: Json): string {
  const text = new JsonText();
  text.add(value);
  return text.toString();
}

/** Millions of values are a list of texts only a thousand at a time. */
const MOST_PIECES = 1_024;

class JsonText {
  readonly #long: string[] = [];
  #pieces: string[] = [];

  add(value: Json): void {
    if (value instanceof LongNumber) this.#push(value.text);
    else if (isList(value)) this.#addList(value);
    else if (isObject(value)) this.#addObject(value);
    else this.#push(JSON.stringify(value));
  }

  toString(): string {
    return this.#long.join("") + this.#pieces.join("");
  }

  #addList(list: readonly Json[]): void {
    let before = "[";
    for (const value of list) {
      this.#push(before);
      this.add(value);
      before = ",";
    }
    this.#push(list.length === 0 ? "[]" : "]");
  }

  #addObject(object: JsonObject): void {
    let before = "{";
    for (const key of Object.keys(object)) {
      this.#push(`${before}${JSON.stringify(key)}:`);
      this.add(object[key] ?? null);
      before = ",";
    }
    this.#push(before === "{" ? "{}" : "}");
  }

  #push(piece: string): void {
    this.#pieces.push(piece);
    if (this.#pieces.length < MOST_PIECES) return;
    this.#long.push(this.#pieces.join(""));
    this.#pieces = [];
  }
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

export function isObject(value: Json | undefined): value is JsonObject {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof LongNumber)
  );
}
