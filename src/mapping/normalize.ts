// Pure: the steps of `normalize`, which change a text before its type is read.
import type { Reader } from "./column-type.ts";
import { parseJson } from "./json.ts";
import { Invalid, type Json, type Normalization } from "./mapping.ts";
import { isUuid, NIL_UUID } from "./types/uuid.ts";

/**
 * Makes the function that takes the steps in their order. A step on a value that is not text leaves it as it is; null stays null.
 *
 * @returns undefined if there are no steps
 */
export function normalizer(steps: readonly Normalization[]): Reader<Json> | undefined {
  if (steps.length === 0) return undefined;
  const functions = steps.map((step) => STEPS[step]);
  return (value) => {
    let current = value;
    for (const step of functions) {
      if (typeof current !== "string") break;
      const next = step(current);
      if (next instanceof Invalid) return next;
      current = next;
    }
    return current;
  };
}

const FORMS: readonly Normalization[] = ["trim", "lower", "uuid"];

/**
 * The steps that give a value its form, and so its token. The others only find the value, as do all before the last decoding. In a mapping
 * without mistakes, these can be taken again without a change.
 */
export function formSteps(steps: readonly Normalization[]): readonly Normalization[] {
  return steps.slice(steps.lastIndexOf("url_decode") + 1).filter((step) => FORMS.includes(step));
}

/** Longer elements of a list are no addresses, so that no more of it is read. */
const MAX_ADDRESS_LENGTH = 128;

const STEPS: Readonly<Record<Normalization, (text: string) => Json | Invalid>> = {
  /** White space and line ends as ECMAScript defines them: those of Unicode, and the byte order mark. */
  trim: (text) => text.trim(),
  /** Unicode's mapping, the same in every locale. */
  lower: (text) => text.toLowerCase(),
  uuid: (text) => (isUuid(text) ? text.toLowerCase() : text),
  url_decode: decodeUrl,
  empty: (text) => (text === "" ? null : text),
  nil: (text) => (text === NIL_UUID ? null : text),
  first: (text) => {
    const comma = text.slice(0, MAX_ADDRESS_LENGTH + 1).indexOf(",");
    return comma < 0 ? text : text.slice(0, comma).trim();
  },
  last: (text) => {
    const end = text.slice(-MAX_ADDRESS_LENGTH - 1);
    const comma = end.lastIndexOf(",");
    return comma < 0 ? text : end.slice(comma + 1).trim();
  },
  decode: parseJson,
};

/** Percent-encoded UTF-8, in which `+` is a space (URL Standard, section 5, as in the object keys of S3). */
function decodeUrl(text: string): string | Invalid {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return new Invalid("not URL-encoded");
  }
}
