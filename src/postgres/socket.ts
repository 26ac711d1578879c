// Opens a socket to Postgres, with TLS as `sslmode` requires, and checks that Postgres answers. The driver can open one too, but it has no
// timeout on a port where something else listens.
import { lookup } from "node:dns/promises";
import { on, once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { place, type DatabaseSettings } from "../config/database.ts";
import { Failure } from "../failure.ts";
import { certificateRejected, errorCode, startTls } from "./tls.ts";

/** SSLRequest: its length, 8, and its code (PostgreSQL documentation, "Message Formats"). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const TLS_OFFERED = "S";
const TLS_REFUSED = "N";

/**
 * A connected socket, ready for the start-up message.
 *
 * @param signal aborted at the timeout, or when the socket is no longer needed
 * @throws {Failure} `unavailable` when nothing answers, `configuration` when something else does, or TLS fails
 */
export async function openSocket(settings: DatabaseSettings, signal: AbortSignal): Promise<Socket> {
  let socket: Socket | undefined;
  try {
    if (settings.address === undefined && settings.host.startsWith("/")) {
      return await connected(connect(`${settings.host}/.s.PGSQL.${settings.port}`), signal);
    }
    socket = await connectToFirst(await addressesOf(settings, signal), settings.port, signal);
    if (settings.sslMode === "disable") return socket;
    if (settings.sslNegotiation === "direct") return await startTls(socket, settings, signal);
    socket.write(SSL_REQUEST);
    const answer = await firstAnswer(socket, signal);
    if (answer === undefined) throw closedEarly(settings);
    if (answer.length === 1 && answer.toString() === TLS_OFFERED)
      return await startTls(socket, settings, signal);
    if (answer.length !== 1 || answer.toString() !== TLS_REFUSED) {
      throw new Failure(
        "configuration",
        `The server at ${place(settings)} is not Postgres. Check the host and port in ${settings.source}.`,
      );
    }
    if (settings.sslMode === "prefer" || settings.sslMode === "allow") return socket;
    throw new Failure(
      "configuration",
      `The database at ${place(settings)} does not offer TLS, and sslmode is ${settings.sslMode}. ` +
        `Enable TLS in the server, or set another sslmode in ${settings.source}.`,
    );
  } catch (error) {
    socket?.destroy();
    throw error instanceof Failure ? error : unreachable(settings, error);
  }
}

/** @returns undefined if the server closes the connection instead, for example a load balancer without a server behind it */
async function firstAnswer(socket: Socket, signal: AbortSignal): Promise<Buffer | undefined> {
  const answers = on(socket, "data", { signal, close: ["end", "close"] }) as AsyncIterable<[Buffer]>;
  for await (const [answer] of answers) return answer;
  return undefined;
}

async function addressesOf({ host, address }: DatabaseSettings, signal: AbortSignal): Promise<string[]> {
  if (address !== undefined) return [address];
  const found = await unlessAborted(lookup(host, { all: true }), signal);
  return found.map((each) => each.address);
}

/** Delay before the next address is tried in parallel, in milliseconds (RFC 8305, section 5). */
const NEXT_ADDRESS_MS = 250;

/**
 * Connects to the address that answers first. Each is tried until `signal` is aborted: Node's own attempts end after 250 ms per address,
 * which is too short for a server on another continent.
 *
 * @throws the error of the first address, when all have failed
 */
export async function connectToFirst(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  const sockets: Socket[] = [];
  const attempts: Promise<Socket>[] = [];
  let winner: Socket | undefined;
  try {
    for (const address of addresses) {
      const socket = connect(port, address);
      sockets.push(socket);
      attempts.push(connected(socket, signal));
      winner = await Promise.race([
        Promise.any(attempts).catch(() => undefined),
        setTimeout(NEXT_ADDRESS_MS, undefined, { ref: false }),
      ]);
      if (winner !== undefined) return winner;
    }
    return (winner = await Promise.any(attempts));
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  } finally {
    for (const socket of sockets) if (socket !== winner) socket.destroy();
  }
}

async function connected(socket: Socket, signal: AbortSignal): Promise<Socket> {
  // Callers wait for errors with `once`; without a listener of its own, an error between two waits would end the process.
  socket.on("error", () => undefined);
  try {
    await once(socket, "connect", { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Rejects when the signal is aborted, for work that cannot be cancelled. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = once(signal, "abort").then(() => {
    throw signal.reason;
  });
  return Promise.race([work, aborted]);
}

/**
 * The failure for a connection that the server closed before the login was finished.
 *
 * @param error what ended the connection, if anything did
 */
export function closedEarly(settings: DatabaseSettings, error?: Error): Failure {
  if (error instanceof Failure) return error;
  const rejected = certificateRejected(error?.cause, settings);
  if (rejected !== undefined) return rejected;
  return new Failure(
    "unavailable",
    `The server at ${place(settings)} closed the connection. ` +
      `Check that it is Postgres, and the host and port in ${settings.source}.` +
      // The reset may arrive before the reason.
      (settings.clientCertificate === undefined
        ? ""
        : " It may have rejected the client certificate (sslcert)."),
  );
}

/** The failure for a server that accepts the connection, but does not finish the login in time. */
export function tooSlow(settings: DatabaseSettings): Failure {
  return unreachable(settings, AbortSignal.abort().reason);
}

function unreachable(settings: DatabaseSettings, cause: unknown): Failure {
  return new Failure(
    "unavailable",
    `Postgres at ${place(settings)} is unreachable (${errorCode(cause)}). ` +
      `Check that it is running, and the host and port in ${settings.source}.`,
    cause,
  );
}
