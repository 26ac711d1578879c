// Follows the login in the server's messages: when it is finished, and in which form to send the password.
import type { DatabaseSettings } from "../config/database.ts";

/** First bytes of the server's messages `Authentication…` and `ReadyForQuery` (PostgreSQL documentation, "Message Formats"). */
const AUTHENTICATION = 0x52;
const READY_FOR_QUERY = 0x5a;
/** The first of the three SASL authentication requests. */
const SASL = 10;
const ASCII = /^[\0-\x7f]*$/;

/** Reads the server's messages from the start-up message to the first `ReadyForQuery`. */
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

  /** The password in the form for the server's last authentication request; empty where none is set. */
  async password({ password }: DatabaseSettings): Promise<string> {
    const text = password?.reveal() ?? "";
    return this.#asked >= SASL ? prepared(text) : text;
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
