// The environment variable of a flag: FETCH_ETL_ and the flag in upper case, so that --max-seconds is FETCH_ETL_MAX_SECONDS.

/**
 * Why a flag has no variable, whose value would stay in the environment for later commands:
 * - `safeguard`: it would keep a safeguard turned off
 * - `request`: it is a fact of one request, or says what one command does
 * - `information`: it prints something and runs no command
 */
type WhyNone = "safeguard" | "request" | "information";

/** A flag of the same name is one setting of all commands, unless it stands here after a command's name. */
export const WITHOUT_VARIABLE: ReadonlyMap<string, WhyNone> = new Map<string, WhyNone>([
  ["--force", "safeguard"],
  ["--raw", "safeguard"],
  ["--purge-quarantine", "safeguard"],
  ["--older-than", "request"],
  ["--reason", "request"],
  ["--identity", "request"],
  ["--field", "request"],
  ["--key-id", "request"],
  ["quarantine replay --queue", "request"],
  ["--print", "request"],
  ["--loader-role", "request"],
  ["--kms", "request"],
  ["--help", "information"],
  ["--version", "information"],
]);

/** Flags whose variable does not count together with another flag: their values belong to the runs without it. */
export const IDLE_WITH: ReadonlyMap<string, string> = new Map([
  ["--metrics", "--dry-run"],
  ["--metrics-push", "--dry-run"],
  ["--json", "--print"],
]);

/** Flags whose value may be a URL with a password. Only their variables may contain it: other users can see a command line. */
export const SECRET_IN_VARIABLE: ReadonlySet<string> = new Set(["--metrics-push"]);

/**
 * @param flag such as `--max-seconds`
 * @param command the words of its command, such as `quarantine replay`; not needed where all commands mean the same by the flag
 * @returns undefined for a flag that has a variable
 */
export function whyNoVariable(flag: string, command = ""): WhyNone | undefined {
  return WITHOUT_VARIABLE.get(flag) ?? WITHOUT_VARIABLE.get(`${command} ${flag}`);
}

/** The parameters are those of {@link whyNoVariable}. */
export function variableOf(flag: string, command = ""): string | undefined {
  if (!flag.startsWith("--") || whyNoVariable(flag, command) !== undefined) return undefined;
  return `FETCH_ETL_${flag.slice(2).replaceAll("-", "_").toUpperCase()}`;
}

/** For sentences: a flag with its variable, such as `--max-seconds / FETCH_ETL_MAX_SECONDS`; the name of any other setting as it is. */
export function settingOf(name: string): string {
  const variable = variableOf(name);
  return variable === undefined ? name : `${name} / ${variable}`;
}
