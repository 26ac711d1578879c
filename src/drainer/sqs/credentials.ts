// Why there are no AWS credentials, by the step of the SDK's chain that failed. The messages of its errors are read and never shown:
// they may quote what a program or a server wrote.
import type { SQSClient } from "@aws-sdk/client-sqs";
import { Failure } from "../../failure.ts";
import { CredentialsFault, faultOf, isCode, property } from "./fault.ts";
import type { Target } from "./target.ts";

const TOKEN_FILE = "AWS_WEB_IDENTITY_TOKEN_FILE";
const fileErrors = new Set(["ENOENT", "EACCES", "EISDIR", "EPERM", "ENOTDIR", "ELOOP"]);

/** Has failures on the way to credentials tell that they are: SQS is not to blame for them. */
export function nameCredentialFaults(client: SQSClient): void {
  const { config } = client;
  const { credentials } = config;
  config.credentials = async (properties) => {
    try {
      return await credentials(properties);
    } catch (error) {
      throw new CredentialsFault(error);
    }
  };
}

/** The sentence for a failed step. */
export function explainCredentials({ cause }: CredentialsFault, target: Target): Failure {
  const configuration = (sentence: string): Failure => new Failure("configuration", sentence, cause);
  const unavailable = (sentence: string): Failure => new Failure("unavailable", sentence, cause);
  const file = process.env[TOKEN_FILE];
  const code = property(cause, "code");
  if (typeof code === "string" && fileErrors.has(code)) {
    const path = property(cause, "path") ?? file;
    const named = typeof path === "string" ? `The file ${printablePath(path)}` : "The file";
    const setting = path === file || path === undefined ? TOKEN_FILE : "the AWS configuration";
    return configuration(`${named} that ${setting} names for credentials cannot be read (${code}).`);
  }
  const message = cause instanceof Error ? cause.message : "";
  if (
    /\bSSO\b|sso login|aws login|re-authenticate/i.test(message) ||
    property(cause, "name") === "TokenProviderError"
  ) {
    return configuration(
      "The AWS session of the profile has expired, or there is none: run `aws sso login` (or `aws login`), then run again.",
    );
  }
  if (message.includes("multi-factor")) {
    return configuration(
      "The profile in AWS_PROFILE asks for a code of a multi-factor device, which nobody can be asked for here: use another one.",
    );
  }
  const fault = faultOf(cause);
  const from = file === undefined ? "the service that gives out AWS credentials (STS or SSO)" : "STS";
  if (fault.kind === "unreachable") {
    const way = target.proxy === undefined ? "" : ` The proxy is ${target.proxy}: is it right, and up?`;
    return unavailable(
      `No AWS credentials: ${from} could not be reached (${fault.errno}): check the network and the region (AWS_REGION).${way}`,
    );
  }
  const status = property(property(cause, "$metadata"), "httpStatusCode");
  if (typeof status === "number" && property(cause, "name") !== "CredentialsProviderError") {
    const name = property(cause, "name");
    const said = isCode(name) ? `${name}, HTTP ${status}` : `HTTP ${status}`;
    if (status >= 500 || status === 429 || name === "Throttling")
      return unavailable(`No AWS credentials: ${from} has a fault of its own (${said}): run again later.`);
    if (name === "ExpiredTokenException")
      return unavailable(`No AWS credentials: the token in the file of ${TOKEN_FILE} has expired (${said}).`);
    return configuration(
      `No AWS credentials: ${from} refuses to give any out (${said}): check the role (AWS_ROLE_ARN, or role_arn of the profile), ` +
        "its trust policy, and the token or the credentials that ask for it.",
    );
  }
  return explainNone(target, configuration, unavailable);
}

/** Each step had nothing, or was passed over: what is set tells which one was meant. */
function explainNone(
  target: Target,
  configuration: (sentence: string) => Failure,
  unavailable: (sentence: string) => Failure,
): Failure {
  const { env } = process;
  if (env["AWS_PROFILE"] !== undefined) {
    return configuration(
      `No usable AWS credentials in the profile ${printablePath(env["AWS_PROFILE"])} (AWS_PROFILE): is it in the AWS configuration ` +
        "file, and does the program that its credential_process names work?",
    );
  }
  const container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"].find(
    (name) => env[name] !== undefined,
  );
  if (container !== undefined) {
    return unavailable(
      `No AWS credentials: the container's service for them, which ${container} names, could not be reached or refused them.`,
    );
  }
  return configuration(
    "No usable AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (after " +
      "`aws sso login` where it uses SSO)." +
      (target.endpoint === undefined ? "" : ' A local server takes any, such as "test" for both.'),
  );
}

/** Without what would steer a terminal. */
function printablePath(text: string): string {
  return JSON.stringify(text);
}
