// Pure: the name that was probably meant.
import { distance } from "fastest-levenshtein";

/** Longer names are not compared: that takes time in proportion to both lengths. */
const MOST_CHARACTERS = 40;

/** The possible name that is closest to the given one: at most one mistake in three characters, or two in four. Undefined if there is none. */
export function nearest(given: string, possible: readonly string[]): string | undefined {
  if (given.length > MOST_CHARACTERS) return undefined;
  const text = given.toLowerCase();
  const most = Math.max(text.length < 4 ? 1 : 2, Math.floor(text.length / 3));
  const [first] = possible
    .map((name) => ({ name, mistakes: distance(text, name.toLowerCase()) }))
    .filter(({ name, mistakes }) => mistakes <= most && mistakes < Math.min(name.length, text.length))
    .sort((one, other) => one.mistakes - other.mistakes);
  return first?.name;
}
