// Reads the values of flags and variables, and collects all mistakes in them, to report them together.
import { Failure, type FailureKind } from "../failure.ts";

/** The settings, none of them undefined. */
type Complete<Settings> = { readonly [Name in keyof Settings]: Exclude<Settings[Name], undefined> };

/** Collects mistakes: sentences that name the setting and the fix, and never hold a secret. */
export class Problems {
  readonly #sentences: string[] = [];
  #mustBeFixed = false;

  /** @param kind `unavailable` for a setting that could not be read now, although nothing may be wrong with it */
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

  /** @throws {Failure} `configuration`, with one line per mistake, if there are any; `unavailable` if a retry can solve all of them */
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
  problems.add(`${flag} takes a whole number ${range}.`);
  return undefined;
}

/**
 * The name in `names` that equals `text`; undefined, with the mistake added to `problems`, if none does.
 *
 * @param setting the flag or variable for the sentence, such as `--app-version`
 */
export function oneOf<Name extends string>(
  text: string,
  setting: string,
  names: readonly Name[],
  problems: Problems,
): Name | undefined {
  const found = names.find((name) => name === text);
  if (found === undefined) problems.add(`${setting} must be one of: ${names.join(", ")}.`);
  return found;
}
