// Why there are no AWS credentials, by the step of the SDK's chain that failed. The messages of its errors are read and never shown:
// they may quote what a program or a server wrote.
import { Failure } from "../failure.ts";
import { faultOf, isCode, property } from "./fault.ts";
import { CredentialsFault, listenTo, type Lookup } from "./lookup.ts";
import type { Place } from "./proxies.ts";

const TOKEN_FILE = "AWS_WEB_IDENTITY_TOKEN_FILE";
const tokenFiles = [TOKEN_FILE, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
/** The SDK prefers the first. */
const containerSettings = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
const fileErrors = new Set(["ENOENT", "EACCES", "EISDIR", "EPERM", "ENOTDIR", "ELOOP"]);
const expiredCodes = new Set(["ExpiredToken", "ExpiredTokenException"]);

/** The credentials in an SDK client's configuration. */
interface Credentials<Given extends readonly unknown[], Found> {
  credentials: (...given: Given) => Promise<Found>;
}

/** Marks the errors of a client's credential lookups, with what their steps reported, so that the service is not blamed for them. */
export function markCredentialsFaults<Given extends readonly unknown[], Found>(
  config: Credentials<Given, Found>,
): void {
  const { credentials } = config;
  // Concurrent calls share one lookup of the SDK.
  let [running, lookup]: [number, Lookup] = [0, { said: [], ends: [] }];
  config.credentials = async (...given) => {
    if (running === 0) lookup = { said: [], ends: [] };
    running += 1;
    const current = lookup;
    try {
      return await listenTo(current, () => credentials(...given));
    } catch (error) {
      throw new CredentialsFault(error, current);
    } finally {
      running -= 1;
    }
  };
}

/** The sentence for a failed step. */
export function translateCredentialsFault(fault: CredentialsFault, place: Place): Failure {
  const { cause, lookup } = fault;
  const found =
    ofFile(cause) ??
    ofSignIn(cause, lookup) ??
    ofSts(cause, place) ??
    ofProfile(lookup.said) ??
    ofContainer(lookup) ??
    ofInstance(lookup) ??
    configuration(
      "No usable AWS credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (after " +
        "`aws sso login` if it uses SSO). On EC2, ECS or EKS, give the instance, task or pod a role." +
        (place.endpoint === undefined ? "" : ' A local server accepts any values, such as "test" for both.') +
        instanceAnswer(lookup),
    );
  return new Failure(found.kind, found.sentence, cause);
}

interface Finding {
  readonly kind: "configuration" | "unavailable";
  readonly sentence: string;
}

const configuration = (sentence: string): Finding => ({ kind: "configuration", sentence });
const unavailable = (sentence: string): Finding => ({ kind: "unavailable", sentence });

function ofFile(cause: unknown): Finding | undefined {
  const [code, path] = [property(cause, "code"), property(cause, "path")];
  if (typeof code !== "string" || !fileErrors.has(code)) return undefined;
  const setting = tokenFiles.find((name) => process.env[name] !== undefined && process.env[name] === path);
  // Opening a folder succeeds, and the error of reading it has no path.
  const file = typeof path === "string" ? path : process.env[TOKEN_FILE];
  const named = file === undefined ? "The file" : `The file ${printable(file)}`;
  const by = setting ?? (typeof path === "string" ? "the AWS configuration" : TOKEN_FILE);
  return configuration(
    `${named} that ${by} names for credentials cannot be read (${code}). Check that it exists, and its permissions.`,
  );
}

/** IAM Identity Center (SSO), `aws login` and multi-factor devices: the sources that need a sign-in. */
function ofSignIn(cause: unknown, { ends }: Lookup): Finding | undefined {
  const message = cause instanceof Error ? cause.message : "";
  if (message.includes("multi-factor")) {
    return configuration(
      "The profile in AWS_PROFILE requires a multi-factor code, which fetch-etl cannot ask for. Use another profile.",
    );
  }
  if (message.includes("invalid SSO credentials")) {
    return configuration(
      `The profile ${profile()} lacks an SSO setting. It needs sso_account_id, sso_role_name, sso_start_url and sso_region ` +
        "(`aws configure sso` writes them).",
    );
  }
  const isSession =
    /\bSSO\b|sso login|aws login|re-authenticate/i.test(message) ||
    property(cause, "name") === "TokenProviderError";
  const end = ends.at(-1);
  // Any other error that ends the chain at this step hides what the service answered.
  const isService =
    property(cause, "name") === "CredentialsProviderError" &&
    end !== undefined &&
    /^\/(federation|token|v1\/token)/.test(end.path);
  if (end !== undefined && (isSession || isService) && end.status !== 200) {
    const service = "the sign-in service of the profile (SSO)";
    const trouble = ofService(`${service} `, end);
    if (trouble !== undefined) return trouble;
    if (isService && !isSession) {
      return configuration(
        `No AWS credentials: ${service} refused (HTTP ${end.status}). Run \`aws sso login\`, and check whether the account and the ` +
          `role of the profile ${profile()} are assigned to you.`,
      );
    }
  }
  if (!isSession) return undefined;
  return configuration(
    "The AWS session of the profile has expired or does not exist. Run `aws sso login` (or `aws login`), then run again.",
  );
}

/** STS, which issues a role's credentials in exchange for a web identity token or for other credentials. */
function ofSts(cause: unknown, place: Place): Finding | undefined {
  const fault = faultOf(cause);
  if (fault.kind === "unreachable") {
    const way =
      place.proxy === undefined ? "" : ` Check that the proxy ${place.proxy} is correct and running.`;
    return unavailable(
      `No AWS credentials: STS is unreachable (${fault.errno}). Check the network and the region (AWS_REGION).${way}`,
    );
  }
  const status = property(property(cause, "$metadata"), "httpStatusCode");
  const name = property(cause, "name");
  if (typeof status !== "number" || name === "CredentialsProviderError") return undefined;
  const said = isCode(name) ? `${name}, HTTP ${status}` : `HTTP ${status}`;
  if (status >= 500 || status === 429 || name === "Throttling")
    return unavailable(`No AWS credentials: STS reported an internal error (${said}). Run again later.`);
  if (typeof name === "string" && expiredCodes.has(name)) {
    return unavailable(
      process.env[TOKEN_FILE] === undefined
        ? `No AWS credentials: the credentials that request the role from STS have expired (${said}). Renew them, then run again.`
        : `No AWS credentials: the token in the file of ${TOKEN_FILE} has expired (${said}). Renew it, then run again.`,
    );
  }
  return configuration(
    `No AWS credentials: STS refused the request for the role (${said}). Check the role (AWS_ROLE_ARN, or role_arn of the profile), ` +
      "its trust policy, and the token or the credentials that request it.",
  );
}

const processFaults: readonly (readonly [RegExp, string, Finding["kind"]?])[] = [
  [/> Command failed: /, "failed. Run it by hand to see why"],
  [/credential_process returned invalid JSON/, "did not print JSON. Run it by hand to see why"],
  [/credential_process did not return Version 1/, 'printed JSON without "Version": 1'],
  [/credential_process returned invalid credentials/, "printed JSON without AccessKeyId or SecretAccessKey"],
  [
    /credential_process returned expired/,
    "printed expired credentials. Renew them, then run again",
    "unavailable",
  ],
];

/** A profile in the AWS configuration, and the program in its credential_process. */
function ofProfile(said: readonly string[]): Finding | undefined {
  for (const [pattern, what, kind = "configuration"] of processFaults) {
    if (said.some((line) => pattern.test(line)))
      return {
        kind,
        sentence: `No AWS credentials: the credential_process program of the profile ${profile()} ${what}.`,
      };
  }
  if (said.some((line) => line.includes("Detected a cycle")))
    return configuration(
      `No AWS credentials: source_profile of the profile ${profile()} refers back to that profile. Correct it in the AWS configuration file.`,
    );
  if (process.env["AWS_PROFILE"] === undefined) return undefined;
  const unusable = said
    .map((line) => /using profile: \[([^\]]*)\]/.exec(line)?.[1])
    .find((name) => name !== undefined);
  if (unusable !== undefined && unusable !== process.env["AWS_PROFILE"]) {
    return configuration(
      `No AWS credentials: the profile ${printable(unusable)}, which is the source_profile of ${profile()}, does not exist or has no credentials.`,
    );
  }
  return configuration(
    `No usable AWS credentials in the profile ${profile()} (AWS_PROFILE). Check that it is in the AWS configuration file, and that it sets ` +
      "credentials or a source for them.",
  );
}

/** ECS, EKS and other services that give a container its credentials over HTTP. */
function ofContainer({ said, ends }: Lookup): Finding | undefined {
  const setting = containerSettings.find((name) => process.env[name] !== undefined);
  if (setting === undefined) return undefined;
  const service = `the credentials service in ${setting} `;
  const end = ends.at(-1);
  if (said.some((line) => line.includes("URL not accepted")) || end === undefined) {
    return configuration(
      `No AWS credentials: the AWS SDK does not accept the URL in ${setting}. It must be https, or http to a loopback address, ` +
        "169.254.170.2 or 169.254.170.23.",
    );
  }
  const trouble = ofService(service, end);
  if (trouble !== undefined) return trouble;
  if (end.status !== undefined && end.status >= 400) {
    return configuration(
      `No AWS credentials: ${service}refused (HTTP ${end.status}). Check the role of the task or pod, and AWS_CONTAINER_AUTHORIZATION_TOKEN ` +
        "if it is set.",
    );
  }
  return configuration(`No AWS credentials: ${service}sent an unexpected response. Check the URL.`);
}

/** EC2's instance metadata service, if it is unavailable. */
function ofInstance(lookup: Lookup): Finding | undefined {
  const end = instanceEnd(lookup);
  return end === undefined ? undefined : ofService("EC2's instance metadata service ", end);
}

/** Appended to the general sentence, because on machines outside EC2 a proxy may answer in place of the service. */
function instanceAnswer(lookup: Lookup): string {
  const status = instanceEnd(lookup)?.status;
  return status === undefined
    ? ""
    : ` EC2's instance metadata service answered with HTTP ${status}. On EC2, check the instance's metadata options and its role.`;
}

function instanceEnd({ ends }: Lookup): Lookup["ends"][number] | undefined {
  const end = ends.findLast(({ path }) => path.startsWith("/latest/"));
  return end?.status === undefined ? undefined : end;
}

/** A service that is unreachable, or reported an internal error. */
function ofService(service: string, { status, errno }: Lookup["ends"][number]): Finding | undefined {
  if (status === undefined) {
    const said = isCode(errno) ? ` (${errno})` : "";
    return unavailable(
      `No AWS credentials: ${service}is unreachable${said}. Check the network, or run again later.`,
    );
  }
  if (status < 500 && status !== 429) return undefined;
  return unavailable(
    `No AWS credentials: ${service}reported an internal error (HTTP ${status}). Run again later.`,
  );
}

function profile(): string {
  return printable(process.env["AWS_PROFILE"] ?? "default");
}

/** In quotes, with control characters escaped. */
function printable(text: string): string {
  return JSON.stringify(text);
}
