// TLS to Postgres: what each `sslmode` checks, and how to fix a failed check.
import { once } from "node:events";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP, type Socket } from "node:net";
import { connect, type ConnectionOptions } from "node:tls";
import { place, type DatabaseSettings } from "../config/database.ts";
import { Failure } from "../failure.ts";

/**
 * Starts TLS on a socket whose server offers it.
 *
 * @throws {Failure} `configuration` when TLS fails as `sslmode` requires it; errors of the socket are not translated
 */
export async function startTls(
  socket: Socket,
  settings: DatabaseSettings,
  deadline: AbortSignal,
): Promise<Socket> {
  const secure = connect({ socket, ...optionsFor(settings) });
  try {
    await once(secure, "secureConnect", { signal: deadline });
    return secure;
  } catch (error) {
    secure.destroy();
    const code = errorCode(error);
    if (deadline.aborted || code.startsWith("ECONN")) throw error;
    throw new Failure("configuration", refused(code, settings), error);
  }
}

/** Whether the server's certificate is checked: weaker modes do so too with `sslrootcert` (libpq, "SSL Support"). */
export function checksCertificate({ sslMode, sslRootCert }: DatabaseSettings): boolean {
  return sslMode === "verify-ca" || sslMode === "verify-full" || sslRootCert !== undefined;
}

/** What each `sslmode` checks: nothing, the authority, or the authority and the host's name (libpq, "SSL Support"). */
function optionsFor(settings: DatabaseSettings): ConnectionOptions {
  const { sslMode, sslRootCert, host } = settings;
  return {
    ...(isIP(host) === 0 ? { servername: host } : {}),
    host,
    rejectUnauthorized: checksCertificate(settings),
    ...(sslRootCert === undefined ? {} : { ca: readRootCert(sslRootCert) }),
    ...(sslMode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
  };
}

function readRootCert(path: string): Buffer {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch (error) {
    throw new Failure("configuration", `sslrootcert names a file that cannot be read: ${path}`, error);
  }
  try {
    // Node's TLS accepts any file, and then rejects every server.
    new X509Certificate(file);
    // It accepts DER, which TLS does not.
    if (!file.includes("-----BEGIN ")) throw new TypeError("DER");
    return file;
  } catch (error) {
    throw new Failure(
      "configuration",
      `sslrootcert names a file that has no PEM certificate: ${path}`,
      error,
    );
  }
}

/** The sentence for a server whose certificate, or whose TLS, was rejected. */
function refused(code: string, settings: DatabaseSettings): string {
  const { host, sslMode, source } = settings;
  const start = `The database at ${place(settings)}`;
  if (code.startsWith("ERR_SSL_"))
    return `${start} and fetch-etl have no TLS version or cipher in common (${code}). Check the TLS versions and ciphers that the server allows.`;
  switch (code) {
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return (
        `${start} has a certificate for another host name (${code}), and sslmode ${sslMode} requires ${host}. ` +
        `Use the certificate's host name in ${source}, or get a certificate for this name.`
      );
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return `${start} has a certificate that is expired or not valid yet (${code}). Renew it in the server, or correct this machine's clock.`;
    default:
      return (
        `${start} has a certificate that could not be verified (${code}), which sslmode ${sslMode} requires. ` +
        `Set sslrootcert in ${source} to a file with the certificate of the authority that issued the server's.`
      );
  }
}

/** The code of an error of Node, the operating system or the driver, for a sentence. */
export function errorCode(error: unknown): string {
  if (error instanceof Error && error.name === "AbortError") return "no answer in time";
  return error instanceof Error && "code" in error ? String(error.code) : "connection failed";
}
