// Reads the settings of TLS (PostgreSQL documentation, "SSL Support" of libpq).
import type { Given, Parameter } from "./parameters.ts";
import { oneOf, type Problems } from "./readers.ts";
import { Secret } from "./secret.ts";
import { homeFile, ifPresent, type Sources } from "./sources.ts";

/** libpq's `sslmode`; `allow` is treated as `prefer`. */
const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
type SslMode = (typeof SSL_MODES)[number];

const NEGOTIATIONS = ["postgres", "direct"] as const;
const VERSIONS = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;
type TlsVersion = (typeof VERSIONS)[number];

export interface TlsSettings {
  readonly sslMode: SslMode;
  /** `direct` starts TLS without asking the server first, which Postgres 17 and later accept. */
  readonly sslNegotiation: (typeof NEGOTIATIONS)[number];
  /**
   * Path of a PEM file with certificate authorities; {@link SYSTEM} for Node's own; {@link RDS} for Amazon RDS's; undefined for Node's own,
   * and those of Amazon RDS if the host is in RDS.
   */
  readonly sslRootCert: string | undefined;
  readonly clientCertificate: ClientCertificate | undefined;
  /** The oldest and the newest TLS version; undefined for Node's own. */
  readonly tlsVersions: { readonly min: TlsVersion | undefined; readonly max: TlsVersion | undefined };
}

export interface ClientCertificate {
  /** Path of a PEM file. */
  readonly certificate: string;
  /** Path of a PEM file. */
  readonly key: string;
  /** Of the key. */
  readonly password: Secret | undefined;
}

/** The `sslrootcert` for the system's certificate authorities; it requires verify-full. */
export const SYSTEM = "system";
/** The `sslrootcert` for the certificate authorities of Amazon RDS, which are shipped with fetch-etl. */
export const RDS = "rds";

/** Whether the mode never falls back to a connection without TLS. */
function requiresTls(sslMode: string): boolean {
  return sslMode === "require" || sslMode === "verify-ca" || sslMode === "verify-full";
}

/**
 * @param defaultMode the `sslmode` if neither `sslmode` nor `sslrootcert` determines it
 * @returns undefined, with the mistakes added to `problems`, if a setting is invalid
 */
export function readTls(
  given: Given,
  sources: Sources,
  problems: Problems,
  defaultMode: string,
): TlsSettings | undefined {
  const rootCert = given.text("sslrootcert");
  const isSystem = rootCert === SYSTEM;
  const asked = given.text("sslmode") ?? (isSystem || rootCert === RDS ? "verify-full" : defaultMode);
  if (asked === "no-verify") {
    problems.add(
      `${given.setting("sslmode")} is no-verify, which libpq does not have. Set sslmode=require, which does not verify the certificate either.`,
    );
    return undefined;
  }
  const choose = <Name extends string>(name: Parameter, names: readonly Name[]): Name | undefined => {
    const text = given.text(name);
    return text === undefined ? undefined : oneOf(text, given.setting(name), names, problems);
  };
  const sslMode = oneOf(asked, given.setting("sslmode"), SSL_MODES, problems);
  const sslNegotiation = choose("sslnegotiation", NEGOTIATIONS) ?? "postgres";
  const tlsVersions = {
    min: choose("ssl_min_protocol_version", VERSIONS),
    max: choose("ssl_max_protocol_version", VERSIONS),
  };
  if (sslMode === undefined) return undefined;
  if (isSystem && sslMode !== "verify-full") {
    problems.add(
      `${given.setting("sslrootcert")} is system, which requires sslmode verify-full, not ${sslMode}.`,
    );
  }
  if (sslNegotiation === "direct" && !requiresTls(sslMode)) {
    problems.add(
      `${given.setting("sslnegotiation")} is direct, which requires sslmode require, verify-ca or verify-full, not ${sslMode}.`,
    );
  }
  const own = (name: string): string | undefined =>
    sslMode === "disable" ? undefined : ifPresent(homeFile(sources.env, `.postgresql/${name}`), sources);
  return {
    sslMode,
    sslNegotiation,
    sslRootCert: rootCert ?? own("root.crt"),
    clientCertificate: clientCertificate(given, own),
    tlsVersions,
  };
}

/** @param own the path of a file in the folder `.postgresql`, if it is there */
function clientCertificate(
  given: Given,
  own: (name: string) => string | undefined,
): ClientCertificate | undefined {
  const certificate = given.text("sslcert") ?? own("postgresql.crt");
  if (certificate === undefined || given.text("sslcertmode") === "disable") return undefined;
  const password = given.text("sslpassword");
  return {
    certificate,
    // A file with both is usual.
    key: given.text("sslkey") ?? own("postgresql.key") ?? certificate,
    password: password === undefined ? undefined : new Secret(password),
  };
}
