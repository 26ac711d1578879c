// The login, as far as the driver leaves it to us: when it is over, and in which form the password is wanted.
import type { DatabaseSettings } from "../config/database.ts";

/** First bytes of the server's messages `Authentication…` and `ReadyForQuery` (PostgreSQL documentation, "Message Formats"). */
const AUTHENTICATION = 0x52;
const READY_FOR_QUERY = 0x5a;
/** The least kind of authentication request that belongs to SASL; there are three. */
const SASL = 10;
const ASCII = /^[\0-\x7f]*$/;

/** Follows what the server says, from the start-up message to its first `ReadyForQuery`. */
export class Authentication {
  #bytes = Buffer.alloc(0);
  #asked = 0;
  #isOver = false;

  get isOver(): boolean {
    return this.#isOver;
  }

  read(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    while (this.#bytes.length >= 5) {
      const end = 1 + this.#bytes.readUInt32BE(1);
      if (this.#bytes.length < end) return;
      if (this.#bytes[0] === AUTHENTICATION) this.#asked = this.#bytes.readUInt32BE(5);
      this.#isOver ||= this.#bytes[0] === READY_FOR_QUERY;
      this.#bytes = this.#isOver ? Buffer.alloc(0) : this.#bytes.subarray(end);
    }
  }

  /** The password for the authentication that the server asked for last; empty where there is none. */
  async password({ password }: DatabaseSettings): Promise<string> {
    const text = password?.reveal() ?? "";
    return this.#asked >= SASL ? prepared(text) : text;
  }
}

/** As libpq sends it for SCRAM: normalized (SASLprep, RFC 4013), and as it is where that does not allow it. */
async function prepared(password: string): Promise<string> {
  if (ASCII.test(password)) return password;
  const { default: saslprep } = await import("@mongodb-js/saslprep");
  try {
    return saslprep(password);
  } catch {
    return password;
  }
}
