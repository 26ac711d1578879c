// The environment variables that fetch-etl reads, with one entry for those of flags. Tests check the documentation against them. Also trims their values.
import { SECRET_SETTINGS } from "../config/secret-settings.ts";

/**
 * Who reads a variable: every command that reads settings, or those that read the masking key, connect to Postgres, SQS or any service of
 * AWS, store values for recovery, or draw a progress line.
 */
export type Reader = "all" | "key" | "database" | "sqs" | "aws" | "recovery" | "progress";

export const ENVIRONMENT: readonly (readonly [names: string, meaning: string, reader: Reader])[] = [
  [
    "FETCH_ETL_<FLAG>",
    "variable of a flag, such as FETCH_ETL_MAX_SECONDS for --max-seconds; true or false for a flag without a value",
    "all",
  ],
  [
    "FETCH_ETL_MASKING_KEY",
    "masking key in base64, at least 32 bytes (fetch-etl keygen prints one), or a reference to it in AWS (ARN or kms:…); earlier keys can follow, separated by commas",
    "key",
  ],
  [
    "FETCH_ETL_MASKING_KEY_FILE, FETCH_ETL_MASKING_KEY_COMMAND",
    "UTF-8 file that contains the masking key; program that prints it, with its arguments, run without a shell",
    "key",
  ],
  [
    "FETCH_ETL_RECOVERY_RECIPIENT",
    "age recipients (age1…) who can decrypt masked values; if unset, the values are not stored",
    "recovery",
  ],
  [
    "DATABASE_URL",
    "postgres://user:password@host:5432/database?sslmode=…, or the ARN of a secret",
    "database",
  ],
  [
    "DATABASE_URL_FILE, DATABASE_URL_COMMAND, PGPASSWORD_FILE, PGPASSWORD_COMMAND",
    "UTF-8 file that contains the value; program that prints it, as for the masking key",
    "database",
  ],
  [
    "FETCH_ETL_DATABASE_AUTH",
    "login to Postgres: password, or rds-iam for IAM tokens of Amazon RDS",
    "database",
  ],
  [
    "PGHOST, PGHOSTADDR, PGPORT, PGDATABASE, PGUSER, PGPASSWORD, PGPASSFILE, PGSERVICE, PGSERVICEFILE, PGSYSCONFDIR, " +
      "PGSSLMODE, PGREQUIRESSL, PGSSLNEGOTIATION, PGSSLROOTCERT, PGSSLCERT, PGSSLKEY, PGSSLCERTMODE, PGSSLMINPROTOCOLVERSION, " +
      "PGSSLMAXPROTOCOLVERSION, PGSSLCRL, PGSSLCRLDIR, PGTARGETSESSIONATTRS, PGLOADBALANCEHOSTS, PGCONNECT_TIMEOUT, PGAPPNAME, PGOPTIONS, PGREQUIREAUTH, PGCHANNELBINDING, " +
      "PGGSSENCMODE, PGREQUIREPEER",
    "as in libpq; used for what DATABASE_URL does not set",
    "database",
  ],
  ["NODE_EXTRA_CA_CERTS", "PEM file with more certificate authorities, for Postgres and AWS", "aws"],
  ["AWS_ENDPOINT_URL_SQS", "custom SQS endpoint (such as LocalStack)", "sqs"],
  ["AWS_ENDPOINT_URL", "custom endpoint of all services of AWS", "aws"],
  [
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "set to true to ignore AWS_ENDPOINT_URL* and the profile's endpoint_url",
    "aws",
  ],
  [
    "AWS_REGION, AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN",
    "region and credentials, as in the AWS SDKs",
    "aws",
  ],
  [
    "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
    "proxy for AWS and --metrics-push, and hosts that bypass it; upper or lower case",
    "aws",
  ],
  [
    "NO_COLOR, FORCE_COLOR, TERM",
    "turn color off, or on even without a terminal; TERM=dumb turns color and the progress line off",
    "all",
  ],
  ["CI", "no progress line if it is set", "progress"],
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
