// Follows the login in the server's messages: when it is finished, in which form to send the password, and whether the server
// authenticates the client as `require_auth` requires.
import { place, type DatabaseSettings } from "../config/database.ts";
import type { AuthenticationMethod } from "../config/require-auth.ts";
import { Failure } from "../failure.ts";

/** First bytes of the server's messages `Authentication…` and `ReadyForQuery` (PostgreSQL documentation, "Message Formats"). */
const AUTHENTICATION = 0x52;
const READY_FOR_QUERY = 0x5a;
/** The first of the three SASL authentication requests. */
const SASL = 10;
const SASL_FINAL = 12;
const OK = 0;
const METHODS: Readonly<Record<number, AuthenticationMethod>> = {
  3: "password",
  5: "md5",
  7: "gss",
  9: "sspi",
  [SASL]: "scram-sha-256",
};
const ASCII = /^[\0-\x7f]*$/;

/** Reads the server's messages from the start-up message to the first `ReadyForQuery`. */
export class Authentication {
  readonly #settings: DatabaseSettings;
  #bytes = Buffer.alloc(0);
  #asked = OK;
  #isOver = false;

  constructor(settings: DatabaseSettings) {
    this.#settings = settings;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** @throws {Failure} `configuration` when `require_auth` does not allow what the server asks for, before the driver can answer it */
  read(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    while (this.#bytes.length >= 5) {
      const end = 1 + this.#bytes.readUInt32BE(1);
      if (this.#bytes.length < end) return;
      if (this.#bytes[0] === AUTHENTICATION) this.#ask(this.#bytes.readUInt32BE(5));
      this.#isOver ||= this.#bytes[0] === READY_FOR_QUERY;
      this.#bytes = this.#isOver ? Buffer.alloc(0) : this.#bytes.subarray(end);
    }
  }

  /** The password in the form for the server's last authentication request; empty where none is set. */
  async password(): Promise<string> {
    const text = this.#settings.password?.reveal() ?? "";
    return this.#asked >= SASL ? prepared(text) : text;
  }

  #ask(request: number): void {
    const { requireAuth, source } = this.#settings;
    const before = this.#asked;
    if (request !== OK) this.#asked = request;
    if (requireAuth === undefined) return;
    const method = request === OK && before === OK ? "none" : METHODS[request];
    // An impostor that does not know the password cannot send the end of SCRAM.
    const isCut = request === OK && before >= SASL && before !== SASL_FINAL;
    if (!isCut && (method === undefined || requireAuth.has(method))) return;
    const asked =
      method === "none" && !isCut
        ? "asked for no authentication"
        : isCut
          ? "did not finish SCRAM"
          : `asked for authentication by ${method ?? "another method"}`;
    throw new Failure(
      "configuration",
      `Postgres at ${place(this.#settings)} ${asked}, and require_auth allows ${[...requireAuth].join(", ")}. ` +
        `Check the method in pg_hba.conf, the host, and require_auth in ${source}.`,
    );
  }
}

/** As libpq sends it for SCRAM: normalized (SASLprep, RFC 4013), or unchanged where SASLprep prohibits it. */
async function prepared(password: string): Promise<string> {
  if (ASCII.test(password)) return password;
  const { default: saslprep } = await import("@mongodb-js/saslprep");
  try {
    return saslprep(password);
  } catch {
    return password;
  }
}
