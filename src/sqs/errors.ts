// Translates the SDK's errors into sentences: what could not be done, where, the code, what to check. Of a server's own text they
// contain only codes.
import { Failure, Missing } from "../failure.ts";
import { Throttled } from "../drain/ports.ts";
import { translateCredentialsFault } from "../aws/credentials.ts";
import { faultOf, withoutQuote, type Fault } from "../aws/fault.ts";
import { CredentialsFault } from "../aws/lookup.ts";
import { missingQueueCodes } from "./missing-queue.ts";
import { printable, type Protocol, type Target } from "./target.ts";

export interface SqsCall {
  readonly target: Target;
  /** The IAM action that the call needs, such as `sqs:ReceiveMessage`. */
  readonly action: string;
}

const throttlingCodes = new Set([
  "RequestThrottled",
  "AWS.SimpleQueueService.RequestThrottled",
  "RequestThrottledException",
  "OverLimit",
  "AWS.SimpleQueueService.OverLimit",
  "Throttling",
  "ThrottlingException",
  "ThrottledException",
  "TooManyRequestsException",
  "RequestLimitExceeded",
  "SlowDown",
  "KmsThrottled",
  "KMS.ThrottlingException",
]);
const expiredCodes = new Set(["ExpiredToken", "ExpiredTokenException", "RequestExpired"]);
const wrongCredentialCodes = new Set([
  "InvalidClientTokenId",
  "UnrecognizedClientException",
  "SignatureDoesNotMatch",
  "InvalidSignatureException",
  "IncompleteSignature",
  "IncompleteSignatureException",
  "InvalidAccessKeyId",
  "MissingAuthenticationToken",
  "MissingAuthenticationTokenException",
  "AuthFailure",
  "InvalidSecurity",
  "InvalidToken",
  "OptInRequired",
]);
const deniedCodes = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "NotAuthorized",
  "UnauthorizedOperation",
]);
/** In JSON, and in the query protocol. */
const deniedKeyCodes = new Set(["KmsAccessDenied", "KMS.AccessDeniedException"]);
const clockCodes = new Set(["RequestTimeTooSkewed", "RequestInTheFuture"]);
const tlsErrors = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO)/;

/** What to throw instead of an SDK error: `Throttled` or `Failure`, or the same error if it is a defect in this program. */
export function translateSqsError(error: unknown, call: SqsCall): unknown {
  if (error instanceof Failure || error instanceof Throttled) return error;
  if (error instanceof CredentialsFault) return translateCredentialsFault(error, call.target);
  const fault = faultOf(error);
  const cause = withoutQuote(error);
  const fromProxy = proxyFailure(fault, call, cause);
  if (fromProxy !== undefined) return fromProxy;
  switch (fault.kind) {
    case "error response":
      return errorResponse(fault, call, cause);
    case "unreadable":
      return new Failure(
        "unavailable",
        `${server(call)} sent a response that is not from SQS (HTTP ${fault.status}). Check whether a proxy intercepts the requests, ` +
          "then run again.",
        cause,
      );
    case "unreachable":
      return unreachable(fault.errno, call, cause);
    case "local":
      return local(fault.name, call, cause) ?? error;
  }
}

/** An answer that came from a proxy instead of SQS: it has no SQS error code. */
function proxyFailure(fault: Fault, call: SqsCall, cause: unknown): Failure | undefined {
  const { proxy } = call.target;
  if (proxy === undefined || (fault.kind !== "unreadable" && fault.kind !== "error response"))
    return undefined;
  if (fault.kind === "error response" && fault.code !== undefined) return undefined;
  switch (fault.status) {
    case 407:
      return new Failure(
        "configuration",
        `The proxy ${proxy} requires a user name and a password, or rejected them (HTTP 407). Set them, percent-encoded, in the ` +
          "proxy's URL in HTTPS_PROXY or HTTP_PROXY.",
        cause,
      );
    case 403:
      return new Failure(
        "configuration",
        `The proxy ${proxy} denied access to ${server(call)} (HTTP 403). Allow it there, or add the host to NO_PROXY.`,
        cause,
      );
    case 502:
    case 503:
    case 504:
      return new Failure(
        "unavailable",
        `${notReached(call)} through the proxy ${proxy} (HTTP ${fault.status}). Run again later, or add the host to NO_PROXY.`,
        cause,
      );
    default:
      return undefined;
  }
}

/** True if SQS answered that the credentials lack a permission. */
export function isDenied(error: unknown): boolean {
  const fault = faultOf(error);
  if (fault.kind !== "error response") return false;
  return fault.code === undefined ? fault.status === 403 : deniedCodes.has(fault.code);
}

const otherCodes: readonly ReadonlySet<string>[] = [
  ...[throttlingCodes, missingQueueCodes, expiredCodes, wrongCredentialCodes],
  ...[deniedCodes, deniedKeyCodes, clockCodes],
];

/**
 * True if SQS rejected the request's parameters and not its sender. Any other code counts, because other servers have codes of their
 * own (ElasticMQ: `InvalidAttributeValue`).
 */
export function isParameterError(error: unknown): boolean {
  const fault = faultOf(error);
  if (fault.kind !== "error response" || fault.code === undefined || fault.status >= 500) return false;
  const { code } = fault;
  return !/^Kms|^KMS\./.test(code) && !otherCodes.some((codes) => codes.has(code));
}

/** The failure for an endpoint that is not SQS, or that does not support the configured protocol. */
export function notSqs(target: Target, setting: "auto" | Protocol, cause: unknown): Failure {
  const host = target.endpoint === undefined ? "The server" : `The server at ${printable(target.endpoint)}`;
  const sentence =
    setting === "auto"
      ? `${host} is not SQS. Correct ${target.endpointSetting}, or omit it to use AWS.`
      : `${host} does not support SQS's ${setting} protocol. Correct ${target.endpointSetting}, or use --sqs-protocol auto.`;
  return new Failure("configuration", sentence, withoutQuote(cause));
}

function errorResponse(
  fault: Fault & { kind: "error response" },
  call: SqsCall,
  cause: unknown,
): Failure | Throttled {
  const { code, status } = fault;
  const codes = code === undefined ? `HTTP ${status}` : `${code}, HTTP ${status}`;
  const configuration = (sentence: string) => new Failure("configuration", sentence, cause);
  const unavailable = (sentence: string) => new Failure("unavailable", sentence, cause);
  const queue = `"${call.target.queueName}"`;
  const isOneOf = (known: ReadonlySet<string>) => code !== undefined && known.has(code);

  if (isOneOf(throttlingCodes) || status === 429) {
    return new Throttled(`${server(call)} is throttling requests (${codes}).`, { cause });
  }
  if (isOneOf(missingQueueCodes)) {
    return new Missing(
      `${server(call)} has no queue ${queue} (${codes}). Check --queue / FETCH_ETL_QUEUE, the region ` +
        "(--region / AWS_REGION) and the AWS account of the credentials." +
        // SQS gives the same answer for a missing and a forbidden queue.
        (call.target.queueOwner === undefined
          ? ""
          : " The policy of a queue in another account must allow sqs:GetQueueUrl."),
      cause,
    );
  }
  if (isOneOf(expiredCodes)) {
    return unavailable(`The AWS credentials have expired (${codes}). Renew them, then run again.`);
  }
  if (isOneOf(clockCodes)) {
    return configuration(
      `SQS rejected the request because this machine's clock is wrong (${codes}). Set the clock, then run again.`,
    );
  }
  if (isOneOf(wrongCredentialCodes)) {
    return configuration(
      `${server(call)} rejected the AWS credentials (${codes}). Check AWS_ACCESS_KEY_ID and ` +
        "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
    );
  }
  if (isOneOf(deniedKeyCodes)) {
    return configuration(
      `The AWS credentials are not authorized to use the KMS key of queue ${queue} (${codes}). Allow kms:Decrypt in their IAM policy ` +
        "and in the key policy.",
    );
  }
  if (code?.startsWith("Kms") === true || code?.startsWith("KMS.") === true) {
    return configuration(
      `The KMS key of queue ${queue} cannot be used (${codes}). Check that it exists and is enabled.`,
    );
  }
  if (isOneOf(deniedCodes) || (status === 403 && code === undefined)) {
    return configuration(
      `The AWS credentials are not authorized to call ${call.action} on queue ${queue} (${codes}). Allow it in their IAM policy ` +
        "and in the queue policy.",
    );
  }
  if (status >= 500)
    return unavailable(`${server(call)} reported an internal error (${codes}). Run again later.`);
  return configuration(
    `${server(call)} rejected ${call.action} on queue ${queue} (${codes}). Check --queue / FETCH_ETL_QUEUE and ` +
      `${call.target.endpointSetting}.`,
  );
}

function unreachable(errno: string, call: SqsCall, cause: unknown): Failure {
  if (tlsErrors.test(errno)) {
    return new Failure(
      "configuration",
      `No secure connection to ${server(call)} (${errno}). Check whether the endpoint uses http or https. For a private ` +
        "certificate authority, set NODE_EXTRA_CA_CERTS.",
      cause,
    );
  }
  const { proxy } = call.target;
  if (proxy !== undefined) {
    return new Failure(
      "unavailable",
      `${notReached(call)} through the proxy ${proxy} (${errno}). Check that the proxy is running, and HTTPS_PROXY, HTTP_PROXY ` +
        "and NO_PROXY.",
      cause,
    );
  }
  if (errno.startsWith("HPE_")) return notSqs(call.target, "auto", cause);
  const check =
    call.target.endpoint === undefined
      ? "Check the network and the region (--region / AWS_REGION)."
      : `Check that it is running, and ${call.target.endpointSetting}.`;
  return new Failure("unavailable", `${notReached(call)} (${errno}). ${check}`, cause);
}

function local(name: string, call: SqsCall, cause: unknown): Failure | undefined {
  const configuration = (sentence: string) => new Failure("configuration", sentence, cause);
  switch (name) {
    case "RegionMissing":
      return configuration(
        "The AWS region is not set. Set --region or AWS_REGION." +
          (process.env["AWS_DEFAULT_REGION"] === undefined
            ? ""
            : " AWS_DEFAULT_REGION is not read: the AWS SDK for JavaScript reads only AWS_REGION.") +
          (call.target.endpoint === undefined
            ? ""
            : " A local server accepts any region, such as us-east-1."),
      );
    case "EndpointError":
      return configuration(
        "No SQS endpoint exists for the region (--region / AWS_REGION) with AWS_USE_FIPS_ENDPOINT or " +
          "AWS_USE_DUALSTACK_ENDPOINT. Correct one of them.",
      );
    default:
      return undefined;
  }
}

function server({ target }: SqsCall): string {
  return target.endpoint === undefined ? "SQS" : `SQS at ${printable(target.endpoint)}`;
}

function notReached({ target }: SqsCall): string {
  return `SQS is unreachable${target.endpoint === undefined ? "" : ` at ${printable(target.endpoint)}`}`;
}
