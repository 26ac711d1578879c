// The socket that the driver gets in place of the real one. The driver has bugs when a connection ends: it writes to the closed socket
// from a timer, where the error cannot be caught; it forgets statements; it reconnects in an endless loop. So it never sees the end of the
// real socket: the session fails its statements and discards the driver's instance.
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { Failure } from "../failure.ts";
import type { Authentication } from "./authentication.ts";

/** The driver's error code for a connection that has ended. */
const CLOSED = "CONNECTION_CLOSED";
/** Our code for a message that the driver could not parse. */
const UNREADABLE = "CONNECTION_UNREADABLE";

/** The operating system's codes, such as ECONNRESET. */
const OF_SYSTEM = /^E[A-Z]+$/;

export class DriverSocket extends EventEmitter {
  readonly #socket: Socket;
  readonly #closeListeners: (() => void)[] = [];
  /** The driver reads it before it sends `Terminate`. */
  readyState: "open" | "closed" = "open";

  /**
   * @param login reads the server's messages
   * @param onEnd called at least once, when the connection has ended or can no longer be used
   */
  constructor(socket: Socket, login: Authentication, onEnd: (error: Error) => void) {
    super();
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => {
      try {
        login.read(bytes);
        this.emit("data", bytes);
      } catch (error) {
        onEnd(error instanceof Failure ? error : ended(UNREADABLE, error));
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

  /** While the driver ends a connection, it waits for `close` with `once`; its permanent listener must not get the event. */
  override once(event: string, listener: () => void): this {
    if (event === "close") this.#closeListeners.push(listener);
    return this;
  }

  /** Always true: the driver sends one statement at a time, whose bytes are in memory already. */
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

  /** Fails the running statements, and ends all traffic. */
  fail(error: Error): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.#socket.destroy();
    if (this.listenerCount("error") > 0) this.emit("error", error);
    this.removeAllListeners();
    for (const listener of this.#closeListeners) listener();
  }
}

function ended(code: string, cause?: unknown): Error {
  return Object.assign(new Error(`the connection has ended (${code})`, { cause }), { code });
}
