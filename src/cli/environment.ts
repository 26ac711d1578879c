// The environment variables that fetch-etl reads, with one entry for those of flags. Tests check the documentation against them. Also trims their values.
import { SECRET_SETTINGS } from "../config/secret-settings.ts";

export const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  [
    "FETCH_ETL_<FLAG>",
    "variable of a flag, such as FETCH_ETL_MAX_SECONDS for --max-seconds; true or false for a flag without a value",
  ],
  [
    "FETCH_ETL_MASKING_KEY",
    "masking key in base64, at least 32 bytes (fetch-etl keygen prints one), or a reference to it in AWS (ARN or kms:…); earlier keys can follow, separated by commas",
  ],
  ["FETCH_ETL_MASKING_KEY_FILE, DATABASE_URL_FILE, PGPASSWORD_FILE", "UTF-8 file that contains the value"],
  [
    "FETCH_ETL_MASKING_KEY_COMMAND, DATABASE_URL_COMMAND, PGPASSWORD_COMMAND",
    "program that prints the value, with its arguments; runs without a shell",
  ],
  [
    "FETCH_ETL_RECOVERY_RECIPIENT",
    "age recipients (age1…) who can decrypt masked values; if unset, the values are not stored",
  ],
  ["DATABASE_URL", "postgres://user:password@host:5432/database?sslmode=…, or the ARN of a secret"],
  ["FETCH_ETL_DATABASE_AUTH", "login to Postgres: password, or rds-iam for IAM tokens of Amazon RDS"],
  [
    "PGHOST, PGHOSTADDR, PGPORT, PGDATABASE, PGUSER, PGPASSWORD, PGPASSFILE, PGSERVICE, PGSERVICEFILE, PGSYSCONFDIR, " +
      "PGSSLMODE, PGREQUIRESSL, PGSSLNEGOTIATION, PGSSLROOTCERT, PGSSLCERT, PGSSLKEY, PGSSLCERTMODE, PGSSLMINPROTOCOLVERSION, " +
      "PGSSLMAXPROTOCOLVERSION, PGSSLCRL, PGSSLCRLDIR, PGTARGETSESSIONATTRS, PGLOADBALANCEHOSTS, PGCONNECT_TIMEOUT, PGAPPNAME, PGOPTIONS, PGREQUIREAUTH, PGCHANNELBINDING, " +
      "PGGSSENCMODE, PGREQUIREPEER",
    "as in libpq; used for what DATABASE_URL does not set",
  ],
  ["NODE_EXTRA_CA_CERTS", "PEM file with more certificate authorities, for Postgres and AWS"],
  ["AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL", "custom SQS endpoint (such as LocalStack)"],
  [
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "set to true to ignore AWS_ENDPOINT_URL* and the profile's endpoint_url",
  ],
  [
    "AWS_REGION, AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN",
    "region and credentials, as in the AWS SDKs",
  ],
  [
    "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
    "proxy for AWS and --metrics-push, and hosts that bypass it; upper or lower case",
  ],
  ["NO_COLOR, FORCE_COLOR", "turn color off, or turn it on even without a terminal"],
  ["CI, TERM", "no progress line if CI is set or TERM is dumb"],
];

/** The variables that contain fetch-etl's own secrets, or can contain them: commands in their arguments, and the URL. */
export const OWN_SECRETS = [
  ...SECRET_SETTINGS.flatMap((name) => [name, `${name}_COMMAND`]),
  "FETCH_ETL_METRICS_PUSH",
];

/** Spaces and quotes may be part of a password, so it is not trimmed. */
const VERBATIM = "PGPASSWORD";

/** The names in {@link ENVIRONMENT}. */
export const VARIABLES: ReadonlySet<string> = new Set(ENVIRONMENT.flatMap(([names]) => names.split(", ")));

/** Whether fetch-etl or the AWS SDK reads the variable. */
export function isSetting(name: string): boolean {
  return VARIABLES.has(name) || /^(AWS|FETCH_ETL)_[A-Z]/.test(name);
}

/**
 * Removes surrounding whitespace, which secret files leave, and surrounding quotes, which `docker --env-file` leaves. No setting can
 * start or end with either.
 */
export function trimmed(value: string): string {
  const text = value.trim();
  return (/^"([^"]*)"$/.exec(text) ?? /^'([^']*)'$/.exec(text))?.[1]?.trim() ?? text;
}

/**
 * Trims in place the variables that fetch-etl or the AWS SDK reads, and deletes empty ones, because compose files and CI systems set
 * many.
 */
export function trimVariables(env: NodeJS.ProcessEnv): void {
  for (const [name, value = ""] of Object.entries(env)) {
    if (!isSetting(name)) continue;
    const text = name === VERBATIM ? value : trimmed(value);
    if (text === "") Reflect.deleteProperty(env, name);
    else if (text !== value) env[name] = text;
  }
}
