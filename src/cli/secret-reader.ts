// Replaces the references in the value of a secret setting by what they stand for, and reads the login in a secret of Amazon RDS.
import { fieldOf, isJsonObject, readRdsLogin } from "../config/secret-json.ts";
import { named, parseReference, type ParsedReference, type Purpose } from "../config/secret-reference.ts";
import { sentence, type SecretSetting } from "../config/secret-settings.ts";
import { Failure } from "../failure.ts";
import type { Services } from "./context.ts";
import { trimmed } from "./environment.ts";

/** Where a value is. */
export interface SecretPlace {
  readonly kind: "variable" | "file" | "program" | "reference";
  /** What a sentence calls the value. */
  readonly origin: string;
  /** The path of the file that has the value. */
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
  /** Of KMS. */
  readonly region: string | undefined;
  /** What is being fetched, or was, for all settings: one secret can have several of them. */
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

  /** @throws {Failure} if a reference is not valid, or its value cannot be fetched or is not of use */
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
    if (login === "another engine") throw mistake(`${what} is the login of a database that is not Postgres.`);
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
    const from = this.#origin.place.origin;
    switch (reference.kind) {
      case "invalid":
        throw mistake(
          `${sentence(from)} ${reference.why}.${this.#name === "PGPASSWORD" ? LITERAL_PASSWORD : ""}`,
        );
      case "encrypted":
        this.place = { kind: "reference", origin: isOne ? `the decrypted text in ${from}` : from };
        return cleaned(this.#name, await this.#decrypt(reference.ciphertext));
      case "stored":
        this.place = {
          kind: "reference",
          origin: isOne ? `${named(reference.stored)} in ${from}` : from,
        };
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
      `${this.#name}: ${named(stored)} contains a reference. It must contain the value, or kms: and the value encrypted by KMS.`,
    );
  }

  /** As the reference itself begins and ends. */
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

/** Without line ends, as `$(…)` removes them. Only a password may begin or end with a blank or a quote. */
export function cleaned(name: SecretSetting, text: string): string {
  if (name !== "PGPASSWORD") return trimmed(text);
  let end = text.length;
  while (/[\r\n]/.test(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

export function mistake(text: string): Failure {
  return new Failure("configuration", text);
}
