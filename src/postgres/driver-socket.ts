// What the driver is given in place of the real socket. The driver has faults in what it does when a connection ends: it writes to a
// socket that is gone, from a timer where nobody can catch the error; it forgets statements; it connects anew without end. So it never
// learns of an end by itself: its connection fails its statements, and drops it.
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { Authentication } from "./authentication.ts";

/** Code of the error for a connection that has ended; the driver's own name for it. */
const CLOSED = "CONNECTION_CLOSED";
/** The same where the driver could not read what came. */
const UNREADABLE = "CONNECTION_UNREADABLE";

/** The operating system's codes, such as ECONNRESET. */
const OF_SYSTEM = /^E[A-Z]+$/;

export class DriverSocket extends EventEmitter {
  readonly #socket: Socket;
  readonly #farewells: (() => void)[] = [];
  /** The driver reads it before it says goodbye to the server. */
  readyState: "open" | "closed" = "open";

  /**
   * @param login is shown what the server says
   * @param onEnd told at least once, when the connection has ended or cannot be used any more
   */
  constructor(socket: Socket, login: Authentication, onEnd: (error: Error) => void) {
    super();
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => {
      try {
        login.read(bytes);
        this.emit("data", bytes);
      } catch (error) {
        onEnd(ended(UNREADABLE, error));
      }
    });
    const onClose = (): void => {
      onEnd(ended(CLOSED));
    };
    socket.on("end", onClose).on("close", onClose);
    socket.on("error", (error: NodeJS.ErrnoException) => {
      const { code = "" } = error;
      onEnd(ended(OF_SYSTEM.test(code) ? code : CLOSED, error));
    });
  }

  /** Where the driver says goodbye, it waits for the end with a listener that hears of it once; the one that stays may not. */
  override once(event: string, listener: () => void): this {
    if (event === "close") this.#farewells.push(listener);
    return this;
  }

  /** The driver need not wait for room: it sends a statement at a time, whose bytes are in memory already. */
  write(bytes: Uint8Array): boolean {
    if (this.readyState === "open") this.#socket.write(bytes);
    return true;
  }

  end(bytes: Uint8Array): void {
    if (this.readyState === "open") this.#socket.end(bytes);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Fails the statements that are under way, and lets nothing more through. */
  fail(error: Error): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.#socket.destroy();
    if (this.listenerCount("error") > 0) this.emit("error", error);
    this.removeAllListeners();
    for (const listener of this.#farewells) listener();
  }
}

function ended(code: string, cause?: unknown): Error {
  return Object.assign(new Error(`the connection has ended (${code})`, { cause }), { code });
}
