// Reads the JSON in a secret: one field of it, or the login in a secret that Amazon RDS manages (AWS Secrets Manager documentation,
// "JSON structure of AWS Secrets Manager secrets").

/** The object's fields; undefined if the text is not a JSON object. */
function fieldsOf(text: string): ReadonlyMap<string, unknown> | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? new Map(Object.entries(value)) : undefined;
  } catch {
    return undefined;
  }
}

export function isJsonObject(text: string): boolean {
  return fieldsOf(text) !== undefined;
}

/**
 * The text of one field; numbers are converted.
 *
 * @returns undefined if the text is not a JSON object, or has no such field with a text or number
 */
export function fieldOf(text: string, key: string): string | undefined {
  return asText(fieldsOf(text)?.get(key));
}

function asText(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A database login. */
export interface RdsLogin {
  readonly user: string | undefined;
  readonly password: string;
  /** `postgres://…` with the fields that the secret has. */
  readonly url: string;
}

/** @returns undefined if the text is not a JSON object with a password; `another engine` if it is for a database that is not Postgres */
export function readRdsLogin(text: string): RdsLogin | "another engine" | undefined {
  const fields = fieldsOf(text);
  const password = asText(fields?.get("password"));
  if (fields === undefined || password === undefined) return undefined;
  const get = (name: string): string | undefined => asText(fields.get(name));
  const engine = get("engine");
  if (engine !== undefined && !/postgres/i.test(engine)) return "another engine";
  const encoded = (name: string): string => encodeURIComponent(get(name) ?? "");
  const user = get("username");
  const port = get("port");
  const url =
    `postgres://${encoded("username")}:${encodeURIComponent(password)}@${encoded("host")}` +
    `${port === undefined ? "" : `:${port}`}/${encoded("dbname")}`;
  return { user, password, url };
}
