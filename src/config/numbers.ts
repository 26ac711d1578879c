// Reads whole numbers from flags.
import type { Problems } from "./problems.ts";

/**
 * A whole number of `min` to `max`, or undefined where nothing was given.
 * A mistake is added to `problems` and reads as undefined.
 */
export function wholeNumber(
  text: string | undefined,
  flag: string,
  { min, max = Number.MAX_SAFE_INTEGER }: { min: number; max?: number },
  problems: Problems,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
  problems.add(`${flag} takes a whole number ${range}.`);
  return undefined;
}
