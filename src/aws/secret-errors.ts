// The error sentences for secrets in AWS: which setting, which secret, the code, what to check.
import type { Purpose } from "../config/secret-reference.ts";
import { Failure } from "../failure.ts";
import { translateCredentialsFault } from "./credentials.ts";
import {
  codesOf,
  internalFailure,
  isDeniedFault,
  localFailure,
  proxyFailure,
  senderFailure,
  server,
  throttlingCodes,
  unreachableFailure,
  unreadableFailure,
  type ServiceCall,
} from "./errors.ts";
import { faultOf, withoutQuote, type Fault } from "./fault.ts";
import { CredentialsFault } from "./lookup.ts";
import type { Place } from "./proxies.ts";

/** A call of AWS for a setting. */
export interface SecretAction {
  /** The IAM action. */
  readonly action: string;
  /** Such as `the secret "prod/db"`. */
  readonly what: string;
  /** Such as `DATABASE_URL`. */
  readonly setting: string;
  /** For KMS only. */
  readonly purpose?: Purpose;
}

interface Service {
  readonly name: string;
  readonly endpointSetting: string;
  /** What to check if the call is denied. */
  readonly whereAllowed: string;
}

const SERVICES: Readonly<Record<string, Service>> = {
  secretsmanager: {
    name: "Secrets Manager",
    endpointSetting: "AWS_ENDPOINT_URL_SECRETS_MANAGER / AWS_ENDPOINT_URL",
    whereAllowed:
      "Allow it in their IAM policy. If a KMS key of your own encrypts the secret, also allow kms:Decrypt on the key.",
  },
  ssm: {
    name: "SSM",
    endpointSetting: "AWS_ENDPOINT_URL_SSM / AWS_ENDPOINT_URL",
    whereAllowed:
      "Allow it in their IAM policy. If a KMS key of your own encrypts the parameter, also allow kms:Decrypt on the key.",
  },
  kms: {
    name: "KMS",
    endpointSetting: "AWS_ENDPOINT_URL_KMS / AWS_ENDPOINT_URL",
    whereAllowed: "Allow it in their IAM policy and in the key policy.",
  },
};

/** By error code: the predicate for the secret in a sentence, and what to do. */
const OF_SECRET: Readonly<Record<string, readonly [why: string, check: string]>> = {
  ResourceNotFoundException: ["does not exist", "Check the ARN."],
  ParameterNotFound: ["does not exist", "Check the ARN."],
  InvalidRequestException: [
    "cannot be read now",
    "Check that it has a current version, and that it is not scheduled for deletion.",
  ],
  DecryptionFailure: [
    "cannot be decrypted",
    "Check that its KMS key is enabled, and allow kms:Decrypt on it.",
  ],
  InvalidKeyId: ["cannot be decrypted", "Check that its KMS key is enabled, and allow kms:Decrypt on it."],
  InvalidCiphertextException: [
    "cannot be decrypted",
    "It is not complete, belongs to another setting, or was encrypted in another region (AWS_REGION).",
  ],
  IncorrectKeyException: ["was encrypted with another key", "Encrypt the value again."],
};

/** The same for the KMS key. */
const OF_KEY: typeof OF_SECRET = {
  NotFoundException: ["does not exist", "Check the key, and AWS_REGION."],
  DisabledException: ["is disabled", "Enable it."],
  KMSInvalidStateException: ["cannot be used now", "Check its state: it may be scheduled for deletion."],
  InvalidKeyUsageException: ["has another key usage", "Use a symmetric encryption key."],
};

/** What to throw instead of an SDK error: a `Failure`, or the same error if it is a defect in this program. */
export function translateSecretError(error: unknown, action: SecretAction, place: Place): unknown {
  if (error instanceof Failure) return error;
  const failure = failureOf(error, action, place);
  if (failure === undefined) return error;
  return new Failure(failure.kind, `${action.setting}: ${failure.message}`, failure.cause);
}

function failureOf(error: unknown, action: SecretAction, place: Place): Failure | undefined {
  if (error instanceof CredentialsFault) return translateCredentialsFault(error, place);
  const service = SERVICES[action.action.split(":")[0] ?? ""];
  if (service === undefined) return undefined;
  const { name, endpointSetting } = service;
  const call: ServiceCall = { service: name, place, endpointSetting, regionSetting: "AWS_REGION" };
  const fault = faultOf(error);
  const cause = withoutQuote(error);
  const fromProxy = proxyFailure(fault, call, cause);
  if (fromProxy !== undefined) return fromProxy;
  switch (fault.kind) {
    case "error response":
      return errorResponse(fault, action, { ...service, call }, cause);
    case "unreadable":
      return unreadableFailure(fault, call, cause);
    case "unreachable":
      return unreachableFailure(fault, call, cause);
    case "local":
      return localFailure(fault, call, cause);
  }
}

function errorResponse(
  fault: Fault & { kind: "error response" },
  { action, what, purpose }: SecretAction,
  { call, whereAllowed }: Service & { readonly call: ServiceCall },
  cause: unknown,
): Failure {
  const { code = "", status } = fault;
  const codes = codesOf(fault);
  if (throttlingCodes.has(code) || status === 429)
    return new Failure(
      "unavailable",
      `${server(call)} is throttling requests (${codes}). Try again later.`,
      cause,
    );
  const ofSender = senderFailure(fault, call, cause);
  if (ofSender !== undefined) return ofSender;
  if (isDeniedFault(fault)) {
    return new Failure(
      "configuration",
      `the AWS credentials are not authorized to call ${action} on ${what} (${codes}). ${whereAllowed}`,
      cause,
    );
  }
  const [subject, reasons] = Object.hasOwn(OF_KEY, code) ? ["the KMS key", OF_KEY] : [what, OF_SECRET];
  const known = Object.hasOwn(reasons, code) ? reasons[code] : undefined;
  if (known !== undefined) {
    const [why, check] = known;
    const { endpoint, region = "its region" } = call.place;
    const where = endpoint === undefined ? `in ${region}` : `at ${server(call)}`;
    const context =
      code === "InvalidCiphertextException" && purpose !== undefined
        ? ` The encryption context must be fetch-etl=${purpose}.`
        : "";
    return new Failure("configuration", `${subject} ${why} ${where} (${codes}). ${check}${context}`, cause);
  }
  if (status >= 500) return internalFailure(fault, call, cause);
  return new Failure(
    "configuration",
    `${server(call)} rejected ${action} on ${what} (${codes}). Check the setting, and ${call.endpointSetting}.`,
    cause,
  );
}
