// The settings that are secrets. The value of each can be in its variable, in a file, in the output of a program, or in a store of AWS.

export const SECRET_SETTINGS = ["FETCH_ETL_MASKING_KEY", "DATABASE_URL", "PGPASSWORD"] as const;
export type SecretSetting = (typeof SECRET_SETTINGS)[number];

/** What is known of the values, beside their texts in the environment. */
export interface Secrets {
  /** What a sentence calls a value that is not in its variable: `the file that DATABASE_URL_FILE names`. */
  readonly origins: Readonly<Partial<Record<SecretSetting, string>>>;
  /** The settings without a value whose mistakes are reported already. */
  readonly failed: ReadonlySet<SecretSetting>;
}

/** What a reader of a secret setting needs. */
export interface SecretSources {
  /** Has the values themselves, wherever they came from. */
  readonly env: NodeJS.ProcessEnv;
  readonly secrets: Secrets;
}

/** All values are in their variables. */
export const IN_VARIABLES: Secrets = { origins: {}, failed: new Set() };

/** What a sentence calls the value. */
export function originOf(name: SecretSetting, { origins }: Secrets): string {
  return origins[name] ?? name;
}

/** The text with a capital, to begin a sentence. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
