// IAM tokens, which Amazon RDS accepts in place of a password (Amazon RDS User Guide, "IAM database authentication").
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";
import { Signer } from "@aws-sdk/rds-signer";
import { Failure } from "../failure.ts";
import { silent, sharedConfig } from "./client.ts";
import { markCredentialsFaults, translateCredentialsFault } from "./credentials.ts";
import { faultOf } from "./fault.ts";
import { CredentialsFault } from "./lookup.ts";
import { proxyOf } from "./proxies.ts";

/** The login that a token is valid for. RDS rejects it for any other. */
export interface RdsLogin {
  /** The name of the endpoint, even if the connection is to another address. */
  readonly hostname: string;
  readonly port: number;
  readonly username: string;
  /** Undefined for the region of AWS_REGION or the profile. */
  readonly region: string | undefined;
}

/** Sockets for the services that provide credentials. */
const MAX_SOCKETS = 2;

/**
 * A token that is valid for 15 minutes, or as long as the credentials that sign it. RDS checks it only during the login.
 *
 * @throws {Failure} `configuration` or `unavailable` if there are no credentials, `configuration` if no region is known
 */
export async function createRdsToken({ region, ...login }: RdsLogin): Promise<string> {
  const clientConfig = await sharedConfig({ retry: true, maxSockets: MAX_SOCKETS });
  const chain = { credentials: fromNodeProviderChain({ clientConfig, logger: silent }) };
  markCredentialsFaults(chain);
  try {
    return await new Signer({
      ...login,
      ...chain,
      ...(region === undefined ? {} : { region }),
    }).getAuthToken();
  } catch (error) {
    if (error instanceof CredentialsFault) {
      const place = { endpoint: undefined, region };
      throw translateCredentialsFault(error, { ...place, proxy: await proxyOf(place, "sts") });
    }
    const fault = faultOf(error);
    if (fault.kind !== "local" || fault.name !== "RegionMissing") throw error;
    throw new Failure(
      "configuration",
      `The region of the database is unknown: its host, ${login.hostname}, does not name one. Set AWS_REGION.`,
      error,
    );
  }
}
