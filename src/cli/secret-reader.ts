// Replaces the references in a secret setting by the values they refer to, and reads the login in a secret of Amazon RDS.
import { fieldOf, isJsonObject, readRdsLogin } from "../config/secret-json.ts";
import { named, parseReference, type ParsedReference, type Purpose } from "../config/secret-reference.ts";
import { sentence, type SecretSetting } from "../config/secret-settings.ts";
import { Failure } from "../failure.ts";
import type { Services } from "./context.ts";
import { trimmed } from "./environment.ts";

/** Where a value is. */
export interface SecretPlace {
  readonly kind: "variable" | "file" | "program" | "reference";
  /** How sentences name the value. */
  readonly origin: string;
  /** The path of the file with the value. */
  readonly file?: string | undefined;
}

const PURPOSES: Readonly<Record<SecretSetting, Purpose>> = {
  FETCH_ETL_MASKING_KEY: "masking-key",
  DATABASE_URL: "database-url",
  PGPASSWORD: "database-password",
};

/** As `fetch-etl keygen` prints it, also in a file or a secret. */
const ASSIGNMENT = /^(?:export\s+)?FETCH_ETL_MASKING_KEY\s*=/;

/** For a password that begins as a reference does. */
const LITERAL_PASSWORD = " If this is the password itself, write it in DATABASE_URL or in the password file.";

interface Origin {
  readonly name: SecretSetting;
  readonly place: SecretPlace;
  readonly services: Pick<Services, "fetchSecret">;
  /** For KMS. */
  readonly region: string | undefined;
  /** Pending and completed fetches of all settings, because one secret can contain several of them. */
  readonly fetched: Map<string, Promise<string>>;
}

export interface SecretValue {
  readonly text: string;
  /** The user of the database, if it came with its password. */
  readonly user?: string | undefined;
}

/** Replaces the references in the value of one setting. */
export class SecretReader {
  readonly #origin: Origin;
  readonly #name: SecretSetting;
  #isStored = false;
  /** Where the value came from in the end. */
  place: SecretPlace;

  constructor(origin: Origin) {
    this.#origin = origin;
    this.#name = origin.name;
    this.place = origin.place;
  }

  /** @throws {Failure} if a reference is invalid, or its value cannot be fetched or is unusable */
  async read(text: string): Promise<SecretValue> {
    return this.#understood(await this.#replaced(text));
  }

  /** Each key in a list of masking keys can be a reference. */
  async #replaced(text: string): Promise<string> {
    if (this.#name !== "FETCH_ETL_MASKING_KEY") return this.#replace(text, true);
    const parts = text.split(",");
    const values = await Promise.all(parts.map((part) => this.#replace(part, parts.length === 1)));
    return values.join(",");
  }

  #understood(text: string): SecretValue {
    const login = this.#name === "FETCH_ETL_MASKING_KEY" ? undefined : readRdsLogin(text);
    const what = sentence(this.place.origin);
    if (login === "another engine")
      throw mistake(`${what} contains the login of a database that is not Postgres.`);
    if (login !== undefined)
      return this.#name === "DATABASE_URL" ? { text: login.url } : { text: login.password, user: login.user };
    if (this.#isStored && isJsonObject(text))
      throw mistake(`${what} is JSON. Add # and the name of the field with the value to the ARN.`);
    return { text };
  }

  /** @param isOne whether the part is the whole value */
  async #replace(part: string, isOne: boolean): Promise<string> {
    const reference = parseReference(this.#bare(part));
    if (reference === undefined) return part;
    const { origin: from, file } = this.#origin.place;
    const found = (origin: string): SecretPlace =>
      isOne ? { kind: "reference", origin } : { kind: "reference", origin: from, file };
    switch (reference.kind) {
      case "invalid":
        throw mistake(
          `${sentence(from)} ${reference.why}.${this.#name === "PGPASSWORD" ? LITERAL_PASSWORD : ""}`,
        );
      case "encrypted":
        this.place = found(`the decrypted text in ${from}`);
        return cleaned(this.#name, await this.#decrypt(reference.ciphertext));
      case "stored":
        this.place = found(`${named(reference.stored)} in ${from}`);
        this.#isStored = true;
        return cleaned(this.#name, await this.#stored(reference));
    }
  }

  async #stored({ stored, key }: ParsedReference & { kind: "stored" }): Promise<string> {
    const { services } = this.#origin;
    const text = await this.#once(stored.arn, () => services.fetchSecret(stored, this.#name));
    const value = key === undefined ? text : fieldOf(text, key);
    if (value === undefined) {
      throw mistake(
        `${this.#name}: ${named(stored)} is not JSON, or does not have the field that the ARN names after #.`,
      );
    }
    const inner = parseReference(this.#bare(value));
    if (inner?.kind === "encrypted") return this.#decrypt(inner.ciphertext);
    if (inner === undefined) return value;
    throw mistake(
      `${this.#name}: ${named(stored)} contains a reference. It must contain the value itself, or kms: and the value encrypted by KMS.`,
    );
  }

  /** Without anything before or after the reference. */
  #bare(text: string): string {
    return trimmed(this.#name === "FETCH_ETL_MASKING_KEY" ? text.trim().replace(ASSIGNMENT, "") : text);
  }

  #decrypt(ciphertext: string): Promise<string> {
    const { services, region } = this.#origin;
    const reference = { service: "kms", ciphertext, purpose: PURPOSES[this.#name], region } as const;
    return this.#once(`${this.#name} ${ciphertext}`, () => services.fetchSecret(reference, this.#name));
  }

  #once(id: string, fetch: () => Promise<string>): Promise<string> {
    const { fetched } = this.#origin;
    const running = fetched.get(id) ?? fetch();
    fetched.set(id, running);
    return running;
  }
}

/** Removes line endings at the end, as `$(…)` does. Of other settings than a password, also removes blanks and quotes around the value. */
export function cleaned(name: SecretSetting, text: string): string {
  if (name !== "PGPASSWORD") return trimmed(text);
  let end = text.length;
  while (/[\r\n]/.test(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

export function mistake(text: string): Failure {
  return new Failure("configuration", text);
}
