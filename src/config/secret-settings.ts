// The settings that are secrets. The value of each can be in its variable, in a file, in the output of a program, or in AWS.

export const SECRET_SETTINGS = ["FETCH_ETL_MASKING_KEY", "DATABASE_URL", "PGPASSWORD"] as const;
export type SecretSetting = (typeof SECRET_SETTINGS)[number];

/** What is known about the values, besides their texts in the environment. */
export interface Secrets {
  /** How sentences name a value that is not in its variable, such as `the file that DATABASE_URL_FILE names`. */
  readonly origins: Readonly<Partial<Record<SecretSetting, string>>>;
  /** Settings that could not be read. Their mistakes are already reported. */
  readonly failed: ReadonlySet<SecretSetting>;
}

/** What a reader of a secret setting needs. */
export interface SecretSources {
  /** Contains the values, wherever they came from. */
  readonly env: NodeJS.ProcessEnv;
  readonly secrets: Secrets;
  /** The file whose variables are in `env`, as it was named; undefined if there is none. */
  readonly dotEnv?: { readonly path: string } | undefined;
}

/** All values are in their variables. */
export const IN_VARIABLES: Secrets = { origins: {}, failed: new Set() };

/** How sentences name the value. */
export function originOf(name: SecretSetting, { origins }: Secrets): string {
  return origins[name] ?? name;
}

/** The text with a capital letter, for the start of a sentence. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
