// Pure: reduces a JSON value to the paths that `keep` names.
import type { Reader } from "./column-type.ts";
import { isList, isObject } from "./json.ts";
import { Invalid, type Json } from "./mapping.ts";

/** What stays of the values under each key; undefined stands for everything. */
type Keep = Map<string, Keep | undefined>;

/**
 * Makes the function that keeps the paths. Where a path meets a list, it goes on in each element. What it cannot go on in is dropped, such
 * as a text in that list.
 *
 * @param paths keys from the value; a path that begins another one keeps everything under it
 * @returns a reason for a value that is neither an object nor a list
 */
export function keeper(paths: readonly (readonly string[])[]): Reader<Json> {
  const keep: Keep = new Map();
  for (const path of paths) if (!add(keep, path)) return (value) => value;
  return (value) => kept(value, keep) ?? new Invalid("not an object or a list");
}

/** @returns false if everything stays */
function add(keep: Keep, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined) return false;
  const below = keep.has(key) ? keep.get(key) : new Map<string, Keep | undefined>();
  keep.set(key, below && add(below, rest) ? below : undefined);
  return true;
}

function kept(value: Json | undefined, keep: Keep | undefined): Json | undefined {
  if (keep === undefined) return value;
  if (isList(value))
    return value.map((element) => kept(element, keep)).filter((element) => element !== undefined);
  if (!isObject(value)) return undefined;
  const entries: [string, Json][] = [];
  for (const [key, below] of keep) {
    const child = Object.hasOwn(value, key) ? value[key] : undefined;
    const stays = kept(child, below);
    if (stays !== undefined) entries.push([key, stays]);
  }
  // Makes own properties, `__proto__` too.
  return Object.fromEntries(entries);
}
