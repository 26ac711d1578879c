// Amazon RDS and Aurora: the region in the name of an endpoint, and the login with an IAM token.
import { isIP } from "node:net";
import type { Given } from "./parameters.ts";
import { oneOf, type Problems } from "./readers.ts";
import type { AuthenticationMethod } from "./require-auth.ts";
import type { ServerAddress } from "./servers.ts";

const VARIABLE = "FETCH_ETL_DATABASE_AUTH";
const AUTHS = ["password", "rds-iam"] as const;
/** `rds-iam`: the password is a token that AWS credentials sign, a new one for each connection. */
export type DatabaseAuth = (typeof AUTHS)[number];

/** @returns `password` after a mistake, which is added to `problems` */
export function readDatabaseAuth(env: NodeJS.ProcessEnv, problems: Problems): DatabaseAuth {
  const text = env[VARIABLE] ?? "";
  return (text === "" ? undefined : oneOf(text, VARIABLE, AUTHS, problems)) ?? "password";
}

/**
 * The region of an endpoint of RDS, Aurora or RDS Proxy: `name.id.eu-west-1.rds.amazonaws.com`, and in China
 * `name.id.rds.cn-north-1.amazonaws.com.cn`.
 *
 * @returns undefined for any other host
 */
export function regionOf(host: string): string | undefined {
  const labels = host.toLowerCase().split(".");
  const domain = labels.slice(-3).join(".");
  const isRds = domain === "rds.amazonaws.com" || (domain === "amazonaws.com.cn" && labels.at(-5) === "rds");
  return isRds ? labels.at(-4) : undefined;
}

/**
 * Whether the shipped bundle contains the certificate authorities for the endpoint. It covers the commercial regions; GovCloud and China have bundles of
 * their own (Amazon RDS User Guide, "Using SSL/TLS to encrypt a connection to a DB instance or cluster").
 */
export function hasKnownAuthorities(host: string): boolean {
  const region = regionOf(host);
  return region !== undefined && !/^(us-gov|cn)-/.test(region);
}

/** The default `sslmode`. A token must not be sent without TLS. */
export function defaultSslMode(auth: DatabaseAuth, servers: readonly ServerAddress[]): string {
  if (auth === "password") return "prefer";
  return servers.every(({ host }) => hasKnownAuthorities(host)) ? "verify-full" : "require";
}

/** Checks that the other settings allow the login with a token. Mistakes are added to `problems`. */
export function checkRdsIam(
  given: Given,
  servers: readonly ServerAddress[],
  { sslMode, requireAuth }: { sslMode: string; requireAuth: ReadonlySet<AuthenticationMethod> | undefined },
  problems: Problems,
): void {
  const refuse = (setting: string, sentence: string): void => {
    problems.add(`${setting} ${sentence}`);
  };
  if ((given.text("password") ?? "") !== "") {
    refuse(given.setting("password"), `cannot be used with ${VARIABLE}=rds-iam. Remove one of them.`);
  }
  if (!/^(require|verify-)/.test(sslMode)) {
    refuse(
      given.setting("sslmode"),
      `is ${sslMode}, but ${VARIABLE}=rds-iam requires TLS. Set sslmode=verify-full.`,
    );
  }
  // RDS asks for the token as a password in clear text, which TLS encrypts.
  if (requireAuth !== undefined && !requireAuth.has("password")) {
    refuse(
      given.setting("require_auth"),
      `must allow password, because ${VARIABLE}=rds-iam sends the token as a password.`,
    );
  }
  if (servers.some(({ host }) => isIP(host) !== 0 || host.startsWith("/"))) {
    refuse(
      given.setting("host"),
      `must be the endpoint's name, because ${VARIABLE}=rds-iam signs the token for it. Set hostaddr to connect to another address.`,
    );
  }
}
