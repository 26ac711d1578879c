// Reads the values of flags and variables, and collects all mistakes in them, to report them together.
import { Failure, type FailureKind } from "../failure.ts";
import { settingOf } from "./flag-variables.ts";

/** The settings, none of them undefined. */
type Complete<Settings> = { readonly [Name in keyof Settings]: Exclude<Settings[Name], undefined> };

/** Collects mistakes: sentences that name the setting and the fix, and never hold a secret. */
export class Problems {
  readonly #sentences: string[] = [];
  #mustBeFixed = false;

  /** @param kind `unavailable` if the setting may be correct, and reading it may succeed later */
  add(sentence: string, kind: FailureKind = "configuration"): void {
    this.#sentences.push(sentence);
    this.#mustBeFixed ||= kind === "configuration";
  }

  get sentences(): readonly string[] {
    return this.#sentences;
  }

  /** The kind of the failure that {@link Problems.throwIfAny} throws. */
  get kind(): FailureKind {
    return this.#mustBeFixed ? "configuration" : "unavailable";
  }

  /** @throws {Failure} with one line per mistake, if there are any: `configuration`, or `unavailable` if a retry can fix all of them */
  throwIfAny(): void {
    if (this.#sentences.length > 0) throw new Failure(this.kind, this.#sentences.join("\n"));
  }

  /**
   * The settings that a command needs. A reader returns undefined for one of them only after it has added the mistake.
   *
   * @throws {Failure} as {@link Problems.throwIfAny} does
   */
  complete<Settings extends object>(settings: Settings): Complete<Settings> {
    this.throwIfAny();
    if (!isComplete(settings)) throw new Error("A setting is undefined, but no mistake was added.");
    return settings;
  }
}

function isComplete<Settings extends object>(settings: Settings): settings is Settings & Complete<Settings> {
  return Object.values(settings).every((value) => value !== undefined);
}

/** A whole number from `min` to `max`; undefined without a text, and after a mistake, which is added to `problems`. */
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
  problems.add(`${settingOf(flag)} takes a whole number ${range}.`);
  return undefined;
}

const UNITS = {
  second: { seconds: 1, letter: "s", example: "30s, 5m or 1h" },
  day: { seconds: 86_400, letter: "d", example: "30d" },
} as const;

/**
 * A duration: `30s`, `5m`, `1h`, `30d`, or parts of them in this order from days to seconds, such as `1h30m`. A plain number counts
 * `unit`s.
 *
 * @returns a whole number of `unit`s from `min` to `max`; undefined without a text, and after a mistake, which is added to `problems`
 */
export function duration(
  text: string | undefined,
  flag: string,
  unit: keyof typeof UNITS,
  { min, max }: { readonly min: number; readonly max: number },
  problems: Problems,
): number | undefined {
  if (text === undefined) return undefined;
  const { seconds, letter, example } = UNITS[unit];
  const value = secondsOf(/^\d+$/.test(text) ? text + letter : text) / seconds;
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  problems.add(`${settingOf(flag)} takes ${min} to ${max} whole ${unit}s, such as ${example}.`);
  return undefined;
}

const SECONDS: ReadonlyMap<string, number> = new Map([
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1],
]);

/** NaN if the text is not a duration. */
function secondsOf(text: string): number {
  if (text === "" || !/^(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?$/.test(text)) return NaN;
  const parts = text.split(/(?<=[dhms])/);
  return parts.reduce(
    (sum, part) => sum + Number(part.slice(0, -1)) * (SECONDS.get(part.slice(-1)) ?? NaN),
    0,
  );
}

/**
 * The name in `names` that equals `text`; undefined, with the mistake added to `problems`, if none does.
 *
 * @param setting for the sentence: a flag such as `--app-version`, or another name
 */
export function oneOf<Name extends string>(
  text: string,
  setting: string,
  names: readonly Name[],
  problems: Problems,
): Name | undefined {
  const found = names.find((name) => name === text);
  if (found === undefined) problems.add(`${settingOf(setting)} must be one of: ${names.join(", ")}.`);
  return found;
}
