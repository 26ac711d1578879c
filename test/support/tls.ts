// SQS over TLS, with a certificate authority of a test's own.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createAuthority } from "./authority.ts";
import { withFolder } from "./folder.ts";
import { startProxy, type Call, type Fault } from "./proxy.ts";

/** The variables that lead fetch-etl to SQS over TLS. */
export interface TlsEnvironment {
  readonly AWS_ENDPOINT_URL_SQS: string;
  readonly NODE_EXTRA_CA_CERTS: string;
}

/** Starts a TLS proxy to an SQS endpoint, hands the variables that lead to it to `use`, and stops it. */
export function withSqsOverTls<T>(
  endpoint: string,
  use: (env: TlsEnvironment) => Promise<T>,
  faultOf?: (call: Call) => Fault | undefined,
): Promise<T> {
  return withFolder(async (folder) => {
    const authority = await createAuthority("the authority of a test");
    const authorities = join(folder, "authorities.pem");
    await writeFile(authorities, authority.certificate);
    const proxy = await startProxy(endpoint, faultOf, await authority.issue("localhost"));
    try {
      return await use({ AWS_ENDPOINT_URL_SQS: proxy.endpoint, NODE_EXTRA_CA_CERTS: authorities });
    } finally {
      await proxy.stop();
    }
  });
}
