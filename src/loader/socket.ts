// Opens a socket to Postgres, TLS as `sslmode` asks for it, and makes sure that it is Postgres that answers.
// The driver would do this too, but it waits without end on a port where something else answers.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import type { DatabaseSettings } from "../config/database.ts";
import { Failure } from "../failure.ts";

/** SSLRequest: its length, 8, and its code (PostgreSQL documentation, "Message Formats"). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const TLS_OFFERED = "S";
const TLS_REFUSED = "N";

/**
 * A connected socket, on which the start-up message comes next.
 *
 * @throws {Failure} `unavailable` when nothing answers, `configuration` when something else does or TLS cannot be had
 */
export async function openSocket(settings: DatabaseSettings): Promise<Socket> {
  const deadline = AbortSignal.timeout(settings.connectTimeout * 1000);
  const socket = settings.host.startsWith("/")
    ? connectTcp(`${settings.host}/.s.PGSQL.${settings.port}`)
    : connectTcp(settings.port, settings.host);
  try {
    await once(socket, "connect", { signal: deadline });
    if (settings.host.startsWith("/") || settings.sslMode === "disable") return socket;
    socket.write(SSL_REQUEST);
    const [answer] = (await once(socket, "data", { signal: deadline })) as [Buffer];
    if (answer.length === 1 && answer.toString() === TLS_OFFERED)
      return await startTls(socket, settings, deadline);
    if (answer.length !== 1 || answer.toString() !== TLS_REFUSED) throw notPostgres(settings);
    if (settings.sslMode === "prefer" || settings.sslMode === "allow") return socket;
    throw new Failure(
      "configuration",
      `The database at ${place(settings)} does not offer TLS, and sslmode is ${settings.sslMode}. ` +
        `Switch TLS on in the server, or set another sslmode in ${settings.source}.`,
    );
  } catch (error) {
    socket.destroy();
    throw error instanceof Failure ? error : unreachable(settings, error);
  }
}

async function startTls(socket: Socket, settings: DatabaseSettings, deadline: AbortSignal): Promise<Socket> {
  const secure = connectTls({ socket, ...tlsOptions(settings) });
  try {
    await once(secure, "secureConnect", { signal: deadline });
    return secure;
  } catch (error) {
    secure.destroy();
    if (deadline.aborted || codeOf(error).startsWith("ECONN")) throw error;
    throw new Failure(
      "configuration",
      `The database at ${place(settings)} could not prove who it is (${codeOf(error)}), as sslmode ${settings.sslMode} asks. ` +
        `Check the host name and sslrootcert in ${settings.source}.`,
      error,
    );
  }
}

/** What each `sslmode` checks: nothing, the authority, or the authority and the host's name (libpq, "SSL Support"). */
function tlsOptions({ sslMode, sslRootCert, host }: DatabaseSettings): ConnectionOptions {
  const verify = sslMode === "verify-ca" || sslMode === "verify-full" || sslRootCert !== undefined;
  return {
    ...(isIP(host) === 0 ? { servername: host } : {}),
    host,
    rejectUnauthorized: verify,
    ...(sslRootCert === undefined ? {} : { ca: readRootCert(sslRootCert) }),
    ...(sslMode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
  };
}

function readRootCert(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Failure("configuration", `sslrootcert names a file that cannot be read: ${path}`, error);
  }
}

/** Where the database is, for a sentence; holds no secret. */
export function place({ host, port }: DatabaseSettings): string {
  return `${host}:${port}`;
}

/** The failure for a connection that was closed from the other side. */
export function closedEarly(settings: DatabaseSettings): Failure {
  return new Failure(
    "unavailable",
    `The connection to ${place(settings)} was closed from there. ` +
      `Check that it is Postgres that runs there, and the host and port in ${settings.source}.`,
  );
}

function notPostgres(settings: DatabaseSettings): Failure {
  return new Failure(
    "configuration",
    `What answers at ${place(settings)} is not Postgres. Check the host and port in ${settings.source}.`,
  );
}

function unreachable(settings: DatabaseSettings, cause: unknown): Failure {
  return new Failure(
    "unavailable",
    `Postgres cannot be reached at ${place(settings)} (${codeOf(cause)}). ` +
      `Check that it runs there, and the host and port in ${settings.source}.`,
    cause,
  );
}

function codeOf(error: unknown): string {
  if (error instanceof Error && error.name === "AbortError") return "no answer in time";
  return error instanceof Error && "code" in error ? String(error.code) : "connection failed";
}
