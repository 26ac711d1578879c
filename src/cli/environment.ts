// The environment variables that are read, for help; the documentation is checked against it. Brings what they hold into form.

export const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  [
    "FETCH_ETL_MASKING_KEY",
    "masking key, base64, 32 bytes or more; fetch-etl keygen makes one. After it, with commas, earlier ones",
  ],
  ["FETCH_ETL_MASKING_KEY_FILE", "file that holds the masking key, in place of the variable"],
  [
    "FETCH_ETL_RECOVERY_RECIPIENT",
    "age recipients (age1…) who can open the values behind tokens; without it none are kept",
  ],
  ["DATABASE_URL", "postgres://user:password@host:5432/database?sslmode=…"],
  [
    "PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD, PGSSLMODE, PGSSLROOTCERT, PGCONNECT_TIMEOUT, PGAPPNAME, PGCHANNELBINDING",
    "what DATABASE_URL leaves out",
  ],
  ["FETCH_ETL_TABLE", "the table for the rows, schema.name"],
  ["FETCH_ETL_QUEUE", "queue, name, URL or ARN"],
  ["FETCH_ETL_SQS_PROTOCOL", "auto, json or query"],
  ["AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL", "SQS endpoint, for a server of your own"],
  ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true ignores AWS_ENDPOINT_URL* and the profile's endpoint_url"],
  [
    "AWS_REGION, AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN",
    "region and credentials, found as every AWS SDK finds them",
  ],
  [
    "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
    "the proxy to AWS, and the hosts to reach without it; in either case",
  ],
  ["FETCH_ETL_LOG_FORMAT", "text or json"],
  ["NO_COLOR, FORCE_COLOR", "no colour, or colour even without a terminal"],
  ["CI, TERM", "no live line where CI is set or TERM is dumb"],
];

/** Those that hold a secret of fetch-etl's own. */
export const OWN_SECRETS = ["FETCH_ETL_MASKING_KEY", "DATABASE_URL", "PGPASSWORD"] as const;

/** Blanks and quotes around a password may be part of it. */
const VERBATIM = "PGPASSWORD";

const NAMES = new Set(ENVIRONMENT.flatMap(([names]) => names.split(", ")));

/** Whether a variable is read here or by the AWS SDK. */
export function isSetting(name: string): boolean {
  return NAMES.has(name) || /^AWS_[A-Z]/.test(name);
}

/**
 * A setting without blanks and line ends around it, as a file with a secret leaves them, and without quotes around it, as `docker --env-file`
 * leaves them. None of the settings can begin or end with them.
 */
export function trimmed(value: string): string {
  const text = value.trim();
  return (/^"([^"]*)"$/.exec(text) ?? /^'([^']*)'$/.exec(text))?.[1]?.trim() ?? text;
}

/**
 * Trims the variables that are read here or by the AWS SDK, in place, and deletes those that are empty: compose files and CI systems
 * set many.
 */
export function trimVariables(env: NodeJS.ProcessEnv): void {
  for (const [name, value = ""] of Object.entries(env)) {
    if (!isSetting(name)) continue;
    const text = name === VERBATIM ? value : trimmed(value);
    if (text === "") Reflect.deleteProperty(env, name);
    else if (text !== value) env[name] = text;
  }
}
