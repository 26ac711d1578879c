// Where each setting comes from, with its value unless that may be a secret: for errors and for `doctor`.
import type { Command, Option } from "commander";
import { variableOf } from "../config/flag-variables.ts";
import { queueArnOf, queueNameToShow } from "../config/queue.ts";
import { count } from "../failure.ts";
import type { DotEnv } from "./dot-env.ts";
import { wordsOf } from "./variables.ts";
import { isSetting, OWN_SECRETS, trimmed, VARIABLES } from "./environment.ts";

/** A context has them. */
export interface VariableSources {
  /** Of both together. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Without those of `.env`. */
  readonly outerEnv: Readonly<Record<string, string | undefined>>;
  readonly dotEnv: DotEnv | undefined;
}

/** A setting of a command. */
export interface Setting {
  /** A flag if there is one, otherwise a variable. */
  readonly name: string;
  /** Undefined for a flag without one. */
  readonly variable: string | undefined;
  /** Undefined if it is not set, or must not be shown. */
  readonly value: string | undefined;
  readonly isSet: boolean;
  /** Such as `environment, over .env line 7`; undefined if it is not set. */
  readonly source: string | undefined;
  readonly default: string | undefined;
}

/** Variables whose values may be or contain a secret, beside those of {@link OWN_SECRETS}; the path of a file may be one by mistake. */
const HIDDEN =
  /^(AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)|\w+_(FILE|PROXY)|PGOPTIONS|PGPASSFILE|FETCH_ETL_RECOVERY_RECIPIENT)$/;
/** Names, numbers, words and paths. A key or a password in the wrong variable seldom has the form. */
const HARMLESS = /^[\w./:@,-]{1,80}$/;
const LIKE_A_KEY = /[A-Za-z0-9+/_-]{40,}/;

/** The source of a flag. */
const TYPED = "command line";

interface GivenOption {
  readonly option: Option;
  /** Undefined for a flag that has none with this command. */
  readonly variable: string | undefined;
  /** On the command line. */
  readonly given: string | undefined;
}

/** The settings of a flag and its variable, or of a variable alone. */
export class SettingSources {
  readonly #sources: VariableSources;
  readonly #options: ReadonlyMap<string, GivenOption>;
  readonly #byVariable: ReadonlyMap<string, string>;

  /** @param commands the command that runs, then those of whose flags only the variables count here */
  constructor(sources: VariableSources, commands: readonly Command[]) {
    this.#sources = sources;
    const options = new Map<string, GivenOption>();
    const byVariable = new Map<string, string>();
    for (const command of commands) {
      for (const option of command.options) {
        const { long = "" } = option;
        if (options.has(long)) continue;
        const key = option.attributeName();
        const isGiven = command.getOptionValueSource(key) === "cli";
        const variable = variableOf(long, wordsOf(command));
        const given = isGiven ? String(command.getOptionValue(key)) : undefined;
        options.set(long, { option, variable, given });
        if (variable !== undefined) byVariable.set(variable, long);
      }
    }
    this.#options = options;
    this.#byVariable = byVariable;
  }

  /** Every setting that has a variable: first those of flags. */
  get all(): readonly Setting[] {
    const names = [...VARIABLES].filter((name) => /^\w+$/.test(name));
    return [...this.#byVariable.values(), ...names].map((name) => this.of(name));
  }

  /** @param name a flag or a variable */
  of(name: string): Setting {
    const flag = this.#byVariable.get(name) ?? name;
    const found = this.#options.get(flag);
    const variable = found === undefined ? name : found.variable;
    const inEnv = variable === undefined ? undefined : this.#sources.env[variable];
    const text = found?.given ?? inEnv;
    const from = variable === undefined ? undefined : placeOf(variable, this.#sources);
    const source =
      found?.given === undefined ? from : [TYPED, ...(from === undefined ? [] : [`over ${from}`])].join(", ");
    const standard: unknown = found?.option.defaultValueDescription ?? found?.option.defaultValue;
    return {
      ...{ name: flag, variable, isSet: text !== undefined },
      value: text === undefined ? undefined : shownValue(variable ?? flag, text),
      source: text === undefined && !isEmpty(variable, this.#sources) ? undefined : source,
      default: typeof standard === "string" ? standard : undefined,
    };
  }

  /** Adds to each line of an error where the settings come from that it names. */
  addTo(lines: string): string {
    return lines
      .split("\n")
      .map((line) => [line, this.explain(line)].join(" ").trimEnd())
      .join("\n");
  }

  /** A sentence for each setting that the text names and that does not come from the command line alone. */
  explain(text: string): string {
    const names = text.match(/--[a-z][a-z-]+|\b(FETCH_ETL|AWS|PG|DATABASE)_?[A-Z_]+\b/g) ?? [];
    const settings = new Map(
      names
        .filter((name) => this.#options.has(name) || isSetting(name))
        .map((name) => this.of(name))
        .map((setting) => [setting.name, setting]),
    );
    return [...settings.values()]
      .filter(({ variable, source }) => variable !== undefined && source !== undefined && source !== TYPED)
      .map((setting) => `${settingText(setting)}.`)
      .join(" ");
  }
}

/** `FETCH_ETL_QUEUE=staging (environment, over .env line 7)`. */
export function settingText({ name, variable, value, isSet, source, default: standard }: Setting): string {
  const isFlag = source?.startsWith(TYPED) === true;
  const named = isFlag ? name : (variable ?? name);
  if (source === undefined) return `${name}=${standard ?? ""} (default)`;
  if (!isSet) return `${named} is empty (${source})`;
  return value === undefined ? `${named} is set (${source})` : `${named}=${value} (${source})`;
}

/** Names that choose what is loaded where: an empty one, as from an unset variable of a shell, would silently choose the default. */
const CHOICES = ["--queue", "--table", "--mapping"];

/** A sentence for each setting of the command that is set to nothing, and must not be. */
export function emptyChoices(command: Command, sources: VariableSources): string[] {
  return command.options.flatMap((option) => {
    const { long = "" } = option;
    const variable = CHOICES.includes(long) ? variableOf(long) : undefined;
    if (variable === undefined || !isEmpty(variable, sources)) return [];
    if (command.getOptionValueSource(option.attributeName()) === "cli") return [];
    return [`${variable} is empty. Set it, or unset it to use the default.`];
  });
}

/** Whether the variable is set, but to nothing. */
function isEmpty(variable: string | undefined, { env, outerEnv, dotEnv }: VariableSources): boolean {
  if (variable === undefined || (env[variable] ?? "") !== "") return false;
  return outerEnv[variable] !== undefined || dotEnv?.values[variable] !== undefined;
}

/** Undefined if it is set nowhere. An empty variable of the environment leaves the one in `.env` in force. */
function placeOf(variable: string, { outerEnv, dotEnv }: VariableSources): string | undefined {
  const line = dotEnv?.lines.get(variable);
  const inFile =
    dotEnv === undefined || line === undefined ? undefined : `${dotEnv.path} line ${count(line)}`;
  const outer = outerEnv[variable];
  if (outer === undefined) return inFile;
  if (inFile === undefined) return "environment";
  return trimmed(outer) === "" ? inFile : `environment, over ${inFile}`;
}

/** Undefined for a value that may be a secret. */
function shownValue(variable: string, value: string): string | undefined {
  if (OWN_SECRETS.includes(variable) || HIDDEN.test(variable)) return undefined;
  if (variable === "FETCH_ETL_QUEUE" && !value.includes("/"))
    return queueArnOf(value) === undefined ? queueNameToShow(value) : value;
  if (URL.canParse(value) && /^https?:/.test(value)) {
    const { origin, pathname } = new URL(value);
    return pathname === "/" ? origin : origin + pathname;
  }
  return HARMLESS.test(value) && !LIKE_A_KEY.test(value) && !value.includes("@") ? value : undefined;
}
