// Opens a socket to Postgres, TLS as `sslmode` asks for it, and makes sure that it is Postgres that answers.
// The driver would do this too, but it waits without end on a port where something else answers.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { place, type DatabaseSettings } from "../config/database.ts";
import { Failure } from "../failure.ts";
import { errorCode } from "./error-code.ts";
import { startTls } from "./tls.ts";

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
    ? connect(`${settings.host}/.s.PGSQL.${settings.port}`)
    : connect(settings.port, settings.host);
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
    `Postgres cannot be reached at ${place(settings)} (${errorCode(cause)}). ` +
      `Check that it runs there, and the host and port in ${settings.source}.`,
    cause,
  );
}
