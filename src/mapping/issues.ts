// Pure: what zod found, in sentences: what is there, what is possible, what was probably meant.
import type { z } from "zod";
import type { Content, Mistake } from "./document.ts";
import { COLUMN_KEYS, FILE_KEYS, typeElsewhere, typeNearby } from "./elsewhere.ts";
import { nearest } from "./nearest.ts";
import { columnFile, mappingFile } from "./schema.ts";
import { found, placeOf, quoted } from "./shown.ts";

type Issue = z.core.$ZodIssue;
type Keys = readonly PropertyKey[];

/** The mistakes of all issues: one for each unknown key. */
export function mistakesOf(issues: readonly Issue[], content: Content): Mistake[] {
  const all = issues.flatMap(withoutUnions);
  const misspelt = new Set(all.flatMap(meantKeys));
  return all
    .filter(({ path }) => valueAt(content.data, path) !== undefined || !misspelt.has(JSON.stringify(path)))
    .flatMap((issue) => mistakesOfOne(issue, content));
}

/** Whether an object has no key of a mapping, nor one that was meant so: it is another file, whose keys may be personal data. */
export function isOtherFile(data: unknown): boolean {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return false;
  const { possible, others } = siblings([]);
  const keys = Object.keys(data);
  const isMeant = (key: string): boolean =>
    possible.includes(key) || others.has(key.toLowerCase()) || nearest(key, possible) !== undefined;
  return keys.length > 0 && !keys.some(isMeant);
}

/** The keys that were probably meant by unknown ones: these are not missing. */
function meantKeys(issue: Issue): string[] {
  if (issue.code !== "unrecognized_keys") return [];
  const { possible } = siblings(issue.path);
  return issue.keys.map((key) => JSON.stringify([...issue.path, nearest(key, possible)]));
}

function mistakesOfOne(issue: Issue, content: Content): Mistake[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) =>
      content.mistakeAt([...path, key], "key", unknownKey(path, key, siblings(path))),
    );
  }
  if (issue.code === "invalid_key") {
    return issue.issues.map(({ message }) =>
      content.mistakeAt(path, "key", notPossible(path.slice(0, -1), path.at(-1), message)),
    );
  }
  return [content.mistakeAt(path, "value", sentenceOf(issue, valueAt(content.data, path)))];
}

/** An issue of the one alternative that was begun, such as an object's; otherwise the issue itself. */
function withoutUnions(issue: Issue): Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  const begun = issue.errors.filter((issues) => !issues.some(isOfWhole));
  const [only, ...others] = begun;
  if (only === undefined || others.length > 0) return [issue];
  return only.flatMap((each) => withoutUnions({ ...each, path: [...issue.path, ...each.path] }));
}

function isOfWhole({ path, code }: Issue): boolean {
  return path.length === 0 && code !== "custom" && code !== "unrecognized_keys";
}

function sentenceOf(issue: Issue, value: unknown): string {
  const { path, message } = issue;
  if (issue.code === "custom") return notPossible(path, value, message);
  const key = path.at(-1);
  if (value === undefined && key !== undefined) {
    return `${inside(path.slice(0, -1))}${quoted(String(key))} is missing. Possible: ${message}.`;
  }
  const instead = typeof value === "string" ? adviceFor(path, value, valuesOf(issue)) : undefined;
  return `${inside(path)}${whatIs(path, value)} is not possible. ${instead ?? `Possible: ${message}.`}`;
}

/** A file that is a single text may be a secret. */
function whatIs(path: Keys, value: unknown): string {
  return path.length === 0 && typeof value !== "object" ? "a single value" : found(value);
}

function notPossible(path: Keys, value: unknown, reason: string): string {
  const what = typeof value === "object" && value !== null ? "" : `${found(value)} is not possible: `;
  return `${inside(path)}${what}${reason}${reason.endsWith("?") ? "" : "."}`;
}

function adviceFor(path: Keys, value: string, values: readonly string[]): string | undefined {
  const isType = path.length === 3 && path[2] === "type";
  const elsewhere = isType ? typeElsewhere(value) : undefined;
  if (elsewhere !== undefined) return elsewhere;
  const near = nearest(value, values);
  if (near !== undefined) return `Did you mean ${near}?`;
  return isType ? typeNearby(value) : undefined;
}

/** The values that are possible, also those of alternatives. */
function valuesOf(issue: Issue): string[] {
  if (issue.code === "invalid_value") return issue.values.map(String);
  return issue.code === "invalid_union" ? issue.errors.flat().flatMap(valuesOf) : [];
}

function unknownKey(path: Keys, key: string, { possible, others }: Siblings): string {
  const near = nearest(key, possible);
  const unknown = `${inside(path)}the key ${quoted(key)} is unknown.`;
  const elsewhere = others.get(key.toLowerCase());
  if (elsewhere !== undefined) return `${unknown} ${elsewhere}`;
  const [start = ""] = key.split(":", 1);
  if (start !== key && possible.includes(start)) return `${unknown} Write a space after the colon.`;
  return `${unknown} ${near === undefined ? `Possible: ${possible.join(", ")}.` : `Did you mean ${near}?`}`;
}

interface Siblings {
  readonly possible: readonly string[];
  /** What to do instead of what other tools have. */
  readonly others: ReadonlyMap<string, string>;
}

function siblings(path: Keys): Siblings {
  const none = new Map<string, string>();
  if (path.length === 0) return { possible: Object.keys(mappingFile.shape), others: FILE_KEYS };
  if (path[0] === "when") return { possible: ["prefix", "exists"], others: none };
  if (path.length === 2) return { possible: Object.keys(columnFile.shape), others: COLUMN_KEYS };
  return { possible: path.at(-1) === "network" ? ["v4", "v6"] : ["network"], others: none };
}

function inside(path: Keys): string {
  return path.length === 0 ? "" : `${placeOf(path)}: `;
}

function valueAt(data: unknown, path: Keys): unknown {
  let value = data;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}
