// The environment variables that are read, for help; the documentation is checked against it.

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
  [
    "AWS_REGION, AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN",
    "region and credentials, found as every AWS SDK finds them",
  ],
  ["FETCH_ETL_LOG_FORMAT", "text or json"],
  ["NO_COLOR, FORCE_COLOR", "no colour, or colour even without a terminal"],
  ["CI, TERM", "no live line where CI is set or TERM is dumb"],
];

/** Those that hold a secret of fetch-etl's own. */
export const OWN_SECRETS = ["FETCH_ETL_MASKING_KEY", "DATABASE_URL", "PGPASSWORD"] as const;
