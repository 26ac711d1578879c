// TLS to Postgres: what each `sslmode` checks, and how to fix a failed check.
import { once } from "node:events";
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { isIP, type Socket } from "node:net";
import { connect, createSecureContext, rootCertificates, type ConnectionOptions } from "node:tls";
import { place, type DatabaseSettings } from "../config/database.ts";
import { whyUnreadable } from "../config/files.ts";
import { hasKnownAuthorities } from "../config/rds.ts";
import { RDS, SYSTEM, type ClientCertificate } from "../config/tls.ts";
import { Failure, printable } from "../failure.ts";

/** The protocol's name for ALPN, which Postgres 17 and later require with direct negotiation (libpq, "SSL Negotiation"). */
const PROTOCOL = "postgresql";

const NO_ALPN = "no ALPN";
/** What comes of a server that waits to be asked: it closes the connection, answers without TLS, or has no ALPN. */
const NO_DIRECT_TLS = /^(ECONN|ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_\w+_NO_APPLICATION_PROTOCOL|no ALPN)/;

/**
 * Starts TLS on a socket whose server offers it, or accepts it without being asked.
 *
 * @throws {Failure} `configuration` when TLS fails as `sslmode` requires it; errors of the socket are not translated
 */
export async function startTls(
  socket: Socket,
  settings: DatabaseSettings,
  deadline: AbortSignal,
): Promise<Socket> {
  const isDirect = settings.sslNegotiation === "direct";
  const secure = connect({
    socket,
    ...optionsFor(settings),
    ...(isDirect ? { ALPNProtocols: [PROTOCOL] } : {}),
  });
  try {
    await once(secure, "secureConnect", { signal: deadline });
    if (isDirect && secure.alpnProtocol !== PROTOCOL) throw Object.assign(new Error(), { code: NO_ALPN });
    return secure;
  } catch (error) {
    secure.destroy();
    const code = errorCode(error);
    if (deadline.aborted) throw error;
    if (isDirect && NO_DIRECT_TLS.test(code))
      throw new Failure("unavailable", noDirectTls(code, settings), error);
    if (code.startsWith("ECONN")) throw error;
    throw new Failure("configuration", refused(code, settings), error);
  }
}

function noDirectTls(code: string, settings: DatabaseSettings): string {
  return (
    `The server at ${place(settings)} did not accept TLS without being asked for it (${code}). sslnegotiation=direct needs Postgres 17 ` +
    `or later, with TLS. Remove it from ${settings.source} for any other server.`
  );
}

/** The code for a server that rejected the client's certificate, or requires one. */
const CERTIFICATE_REJECTED = /^ERR_SSL_.*ALERT.*(CERTIFICATE|UNKNOWN_CA)/;

/** The failure if an error says that the server rejected the client's certificate, which it does after the handshake of TLS 1.3. */
export function certificateRejected(error: unknown, settings: DatabaseSettings): Failure | undefined {
  const code = errorCode(error);
  if (!CERTIFICATE_REJECTED.test(code)) return undefined;
  return new Failure("configuration", refused(code, settings), error);
}

/** Whether the server's certificate is checked: weaker modes do so too with `sslrootcert` (libpq, "SSL Support"). */
export function checksCertificate({ sslMode, sslRootCert }: DatabaseSettings): boolean {
  return sslMode === "verify-ca" || sslMode === "verify-full" || sslRootCert !== undefined;
}

/** What each `sslmode` checks: nothing, the authority, or the authority and the host's name (libpq, "SSL Support"). */
function optionsFor(settings: DatabaseSettings): ConnectionOptions {
  const { sslMode, host, clientCertificate } = settings;
  const { min, max } = settings.tlsVersions;
  return {
    ...(isIP(host) === 0 ? { servername: host } : {}),
    host,
    rejectUnauthorized: checksCertificate(settings),
    ...(checksCertificate(settings) ? trusted(settings) : {}),
    ...(clientCertificate === undefined ? {} : identityOf(clientCertificate, settings)),
    ...(min === undefined ? {} : { minVersion: min }),
    ...(max === undefined ? {} : { maxVersion: max }),
    ...(sslMode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
  };
}

/** Whether to trust both Node's authorities and Amazon RDS's. The authorities of RDS Proxy are among Node's. */
function trustsBoth({ sslRootCert, host }: DatabaseSettings): boolean {
  return sslRootCert === undefined && hasKnownAuthorities(host);
}

function trusted(settings: DatabaseSettings): ConnectionOptions {
  const { sslRootCert } = settings;
  if (sslRootCert === RDS) return { ca: rdsAuthorities() };
  // With `ca`, Node trusts no other authorities.
  if (trustsBoth(settings)) return { ca: [...rootCertificates, ...extraAuthorities(), rdsAuthorities()] };
  return sslRootCert === undefined || sslRootCert === SYSTEM ? {} : { ca: readRootCert(sslRootCert) };
}

/** Those that Node trusts in addition to its own. Like Node, ignores a file that cannot be used. */
function extraAuthorities(): string[] {
  const path = process.env["NODE_EXTRA_CA_CERTS"] ?? "";
  try {
    return path === "" ? [] : [readFileSync(path, "utf8")];
  } catch {
    return [];
  }
}

/**
 * The root certificates of Amazon RDS and Aurora in all commercial regions, in PEM: the file that AWS publishes
 * (https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem). `npm run check:rds-bundle` compares the two.
 */
export function rdsAuthorities(): string {
  return readFileSync(new URL("rds-global-bundle.pem", import.meta.url), "utf8");
}

/** Whose certificate authorities the connection trusts, for doctor. */
export function trustedText(settings: DatabaseSettings): string {
  const { sslRootCert } = settings;
  if (sslRootCert === RDS) return "Amazon RDS";
  if (trustsBoth(settings)) return "Amazon RDS and Node.js";
  return sslRootCert === undefined || sslRootCert === SYSTEM ? "Node.js" : printable(sslRootCert);
}

/** What libpq forbids of the key's mode: all for its group and others; where root owns it, its group may read it. */
const FORBIDDEN = { ofRoot: 0o037, ofOthers: 0o077 } as const;

/** The client's certificate and key. */
function identityOf(
  { certificate, key, password }: ClientCertificate,
  { source }: DatabaseSettings,
): ConnectionOptions {
  const identity = {
    cert: readNamed("sslcert", certificate),
    key: readNamed("sslkey", key),
    passphrase: password?.reveal(),
  };
  const { mode, uid } = statSync(key);
  if (process.platform !== "win32" && (mode & (uid === 0 ? FORBIDDEN.ofRoot : FORBIDDEN.ofOthers)) !== 0) {
    throw new Failure(
      "configuration",
      `sslkey: the file ${printable(key)} is accessible to its group or to others. Run chmod 600 on it.`,
    );
  }
  try {
    createSecureContext(identity);
    return identity;
  } catch (error) {
    throw new Failure(
      "configuration",
      `The client certificate ${printable(certificate)} and the key ${printable(key)} cannot be used (${errorCode(error)}). ` +
        `Check sslcert and sslkey in ${source}: two PEM files that belong together, and sslpassword if the key is encrypted.`,
      error,
    );
  }
}

function readNamed(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Failure(
      "configuration",
      `${setting}: the file ${printable(path)} ${whyUnreadable(error)}.`,
      error,
    );
  }
}

function readRootCert(path: string): Buffer {
  const file = readNamed("sslrootcert", path);
  try {
    // Node's TLS accepts any file, and then rejects every server.
    new X509Certificate(file);
    // It accepts DER, which TLS does not.
    if (!file.includes("-----BEGIN ")) throw new TypeError("DER");
    return file;
  } catch (error) {
    throw new Failure(
      "configuration",
      `sslrootcert: the file ${printable(path)} has no PEM certificate.`,
      error,
    );
  }
}

/** The sentence for a server whose certificate, or whose TLS, was rejected. */
function refused(code: string, settings: DatabaseSettings): string {
  const { host, sslMode, source } = settings;
  const start = `The database at ${place(settings)}`;
  if (CERTIFICATE_REJECTED.test(code)) {
    const what =
      settings.clientCertificate === undefined
        ? "requires a client certificate"
        : "rejected the client certificate";
    return `${start} ${what} (${code}). Check sslcert and sslkey in ${source}, and ssl_ca_file of the server.`;
  }
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
        (settings.sslRootCert === RDS
          ? `RDS Proxy and servers outside Amazon RDS have certificates from other authorities: remove sslrootcert=rds from ${source}.`
          : trustsBoth(settings)
            ? `Neither the authorities of Amazon RDS nor those of Node.js issued it. Check that the endpoint's name leads to the endpoint, ` +
              `or set sslrootcert in ${source} to a file with the certificate of the authority that issued it.`
            : hasKnownAuthorities(host)
              ? `Set sslrootcert=rds in ${source}, or, for RDS Proxy, remove sslrootcert.`
              : `Set sslrootcert in ${source} to a file with the certificate of the authority that issued the server's.`)
      );
  }
}

/** The code of an error of Node, the operating system or the driver, for a sentence. */
export function errorCode(error: unknown): string {
  if (error instanceof Error && error.name === "AbortError") return "no answer in time";
  return error instanceof Error && "code" in error ? String(error.code) : "connection failed";
}
