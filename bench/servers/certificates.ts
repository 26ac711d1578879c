// A certificate authority for the SQS server, and the variables by which each language's SDK trusts it.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createAuthority } from "../../test/support/authority.ts";
import { LOOPBACK } from "../../sandbox/ports.ts";

const run = promisify(execFile);
const DAY_MS = 86_400_000;

export interface Certificates {
  /** The server's, in PEM. */
  readonly tls: { readonly cert: string; readonly key: string };
  /** For a client's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Deletes the files. */
  remove(): Promise<void>;
}

export async function makeCertificates(): Promise<Certificates> {
  const authority = await createAuthority("fetch-etl benchmark");
  const { certificate: cert, key } = await authority.issue(LOOPBACK, new Date(Date.now() + DAY_MS), 25);
  const folder = await mkdtemp(join(tmpdir(), "fetch-etl-bench-"));
  const file = join(folder, "authority.pem");
  await writeFile(file, authority.certificate);
  return {
    tls: { cert, key },
    env: {
      NODE_EXTRA_CA_CERTS: file,
      AWS_CA_BUNDLE: file,
      SSL_CERT_FILE: file,
      ...(await javaTrust(file, join(folder, "authority.p12"))),
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Nothing where there is no Java. */
async function javaTrust(file: string, store: string): Promise<Record<string, string>> {
  const password = "password";
  const args = ["-importcert", "-noprompt", "-alias", "authority", "-storetype", "PKCS12"];
  try {
    await run("keytool", [...args, "-file", file, "-keystore", store, "-storepass", password]);
  } catch {
    return {};
  }
  return {
    JAVA_TOOL_OPTIONS: `-Djavax.net.ssl.trustStore=${store} -Djavax.net.ssl.trustStorePassword=${password}`,
  };
}
