// The environment variable of a flag: FETCH_ETL_ and the flag in upper case, so that --max-seconds is FETCH_ETL_MAX_SECONDS.

/** Every variable of fetch-etl's own begins with it. */
export const PREFIX = "FETCH_ETL_";

/**
 * Why a flag has no variable. The variable would still be set for later commands.
 * - `safeguard`: it would keep a safeguard turned off
 * - `request`: the flag applies to a single run
 * - `information`: the flag prints something and runs no command
 */
type WhyNone = "safeguard" | "request" | "information";

/** Commands share a flag's variable. An entry that begins with a command's name applies only to that command. */
export const WITHOUT_VARIABLE: ReadonlyMap<string, WhyNone> = new Map<string, WhyNone>([
  ["--force", "safeguard"],
  ["--raw", "safeguard"],
  ["--purge-quarantine", "safeguard"],
  ["--never-replayed", "safeguard"],
  ["--yes", "safeguard"],
  ["--where", "request"],
  ["forget --dry-run", "request"],
  ["rotate --dry-run", "request"],
  ["--older-than", "request"],
  ["--reason", "request"],
  ["--identity", "request"],
  ["--field", "request"],
  ["--key-id", "request"],
  ["quarantine list --queue", "request"],
  ["quarantine replay --queue", "request"],
  ["quarantine purge --queue", "request"],
  ["--messages", "request"],
  ["--since", "request"],
  ["--token", "request"],
  ["--print", "request"],
  ["--loader-role", "request"],
  ["--kms", "request"],
  ["--help", "information"],
  ["--version", "information"],
]);

/** Flags whose variable is ignored if another flag is set. */
export const IDLE_WITH: ReadonlyMap<string, string> = new Map([
  ["--metrics", "--dry-run"],
  ["--metrics-push", "--dry-run"],
  ["--json", "--print"],
]);

/** Flags whose value may be a URL with a password. Only their variables may contain it: other users can see a command line. */
export const SECRET_IN_VARIABLE: ReadonlySet<string> = new Set(["--metrics-push"]);

/**
 * @param flag such as `--max-seconds`
 * @param command the words of its command, such as `quarantine replay`; needed only for an entry with a command
 * @returns undefined for a flag that has a variable
 */
export function whyNoVariable(flag: string, command = ""): WhyNone | undefined {
  return WITHOUT_VARIABLE.get(flag) ?? WITHOUT_VARIABLE.get(`${command} ${flag}`);
}

/** The parameters are those of {@link whyNoVariable}. */
export function variableOf(flag: string, command = ""): string | undefined {
  if (!flag.startsWith("--") || whyNoVariable(flag, command) !== undefined) return undefined;
  return PREFIX + inVariable(flag);
}

/** A flag as in a variable: `MAX_SECONDS`. */
export function inVariable(flag: string): string {
  return flag.slice(2).replaceAll("-", "_").toUpperCase();
}

/** For sentences: a flag with its variable, such as `--max-seconds / FETCH_ETL_MAX_SECONDS`; any other setting unchanged. */
export function settingOf(name: string): string {
  const variable = variableOf(name);
  return variable === undefined ? name : `${name} / ${variable}`;
}
