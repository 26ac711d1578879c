// Pure: reads the text of a path.
import { ENVELOPES, FACTS, Invalid, type Fact, type Mapping, type Path, type Root } from "./mapping.ts";
import { shown } from "./shown.ts";

const ROOTS = ["record", "message", ...ENVELOPES] as const satisfies readonly Root[];

/** What a path can begin with, beside a key of the record. */
export const STARTS: readonly string[] = [...ROOTS, ...FACTS, "attribute"].map((name) => `$${name}`);

/**
 * Reads keys joined by dots, or a JSON Pointer (RFC 6901), from the record or after a root such as `$message`; a fact such as `$index`; or
 * `$attribute.NAME`.
 *
 * @returns the path, or why the text is none; a reason shows at most 40 characters of it
 */
export function parsePath(text: string): Path | Invalid {
  if (text === "") return new Invalid("a path is not empty");
  if (!isPlain(text)) return new Invalid("a path has no control characters and no lone surrogates");
  if (!text.startsWith("$")) return keysPath(text, "record", text);
  const [start] = text.split(/[./]/, 1);
  const name = start?.slice(1) ?? "";
  const rest = text.slice(name.length + 1);
  const root = ROOTS.find((each) => each === name);
  if (root !== undefined) return rootPath(text, root, rest);
  const fact = FACTS.find((each) => each === name);
  if (fact !== undefined) return factPath(text, fact, rest);
  if (name === "attribute") return attributePath(text, rest);
  return new Invalid(unknownRoot(name, rest));
}

/** The path of one key of the record, whatever is in its name. */
export function keyPath(key: string): Path {
  return { kind: "keys", text: key, root: "record", keys: [key] };
}

/** Whether a mapping reads message attributes. */
export function readsAttributes({ columns, when, dedupe, records }: Mapping): boolean {
  const paths = [...columns.flatMap(({ from }) => from), ...when.map(({ path }) => path), ...dedupe];
  return [...paths, ...(records ? [records] : [])].some(({ kind }) => kind === "attribute");
}

/** No text with these can be stored in Postgres, or shown on a terminal as it is. */
export function isPlain(text: string): boolean {
  return !/\p{Cc}/u.test(text) && text.isWellFormed();
}

function rootPath(text: string, root: Root, rest: string): Path | Invalid {
  if (rest === "") return { kind: "keys", text, root, keys: [] };
  return keysPath(text, root, rest.startsWith(".") ? rest.slice(1) : rest);
}

function factPath(text: string, fact: Fact, rest: string): Path | Invalid {
  if (rest === "") return { kind: "fact", text, fact };
  const from = fact === "body" ? "; for a key of the message, write " + shown(`$message${rest}`) : "";
  return new Invalid(`$${fact} stands alone${from}`);
}

function attributePath(text: string, rest: string): Path | Invalid {
  const name = rest.slice(1);
  if (!rest.startsWith(".") || name === "")
    return new Invalid("the name of the attribute is missing: write $attribute.NAME");
  return { kind: "attribute", text, name };
}

function unknownRoot(name: string, rest: string): string {
  if (name === "") {
    return `a path has no "$" before its first key: write ${shown(rest.replace(/^[./]+/, "")) || "$record"}`;
  }
  const pointer = `$record/${escaped(`$${name}`)}`;
  return `only ${STARTS.join(", ")} begin with "$". For a key of that name, write ${shown(pointer)}`;
}

/** One key, as a JSON Pointer has it. */
function escaped(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function keysPath(text: string, root: Root, rest: string): Path | Invalid {
  const start = text === rest ? "" : `$${root}`;
  const keys = rest.startsWith("/") ? pointerKeys(rest) : dottedKeys(rest, start);
  return keys instanceof Invalid ? keys : { kind: "keys", text, root, keys };
}

/** RFC 6901, section 4: `~1` is read before `~0`, so that `~01` is `~1`. */
function pointerKeys(pointer: string): readonly string[] | Invalid {
  if (/~(?![01])/.test(pointer)) return new Invalid('in a JSON Pointer, write ~0 for "~", and ~1 for "/"');
  return pointer
    .slice(1)
    .split("/")
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** @param start the root as it is written; empty without one */
function dottedKeys(dotted: string, start: string): readonly string[] | Invalid {
  const keys = dotted.split(".");
  const pointer = shown(`${start}/${keys.map(escaped).join("/")}`);
  if (keys.includes(""))
    return new Invalid(`a key between dots is empty: write ${pointer} if it is so named`);
  if (keys.some((key) => /^\*$|\[\*?\]$/.test(key))) {
    return new Invalid(
      `a path has no wildcards. For one row per element, name the list in records; keep applies to each element anyway. If the key is so named, write ${pointer}`,
    );
  }
  if (keys.some((key) => /\[\d+\]$/.test(key))) {
    const parts = [start, ...keys.flatMap((key) => key.split(/\[(\d+)\]/))];
    const path = parts.filter((part) => part !== "").join(".");
    return new Invalid(`write ${shown(path)}. If the key has the brackets, write ${pointer}`);
  }
  return keys;
}
