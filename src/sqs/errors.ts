// Turns what the SDK throws into sentences that name the setting and the way out. Nothing that a server or a parser wrote
// gets into them, except codes.
import { Failure } from "../failure.ts";
import { Throttled } from "../drain/ports.ts";
import { explainCredentials } from "./credentials.ts";
import { faultOf, missingQueueCodes, withoutQuote, type Fault } from "./fault.ts";
import { CredentialsFault } from "./lookup.ts";
import { printable, type Protocol, type Target } from "./target.ts";

/** What a call was about, for the sentence. */
export interface Place {
  readonly target: Target;
  /** The right that the call needs, such as `sqs:ReceiveMessage`. */
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

/**
 * What to throw in an SDK error's place: `Throttled` or `Failure`; the error itself where it is none of SQS's, which is a
 * defect of ours.
 */
export function translateSqsError(error: unknown, place: Place): unknown {
  if (error instanceof Failure || error instanceof Throttled) return error;
  if (error instanceof CredentialsFault) return explainCredentials(error, place.target);
  const fault = faultOf(error);
  const cause = withoutQuote(error);
  const byProxy = ofProxy(fault, place, cause);
  if (byProxy !== undefined) return byProxy;
  switch (fault.kind) {
    case "refused":
      return refused(fault, place, cause);
    case "unreadable":
      return new Failure(
        "unavailable",
        `${server(place)} gave an answer that is not one of SQS's (HTTP ${fault.status}): is a proxy in between? ` +
          "Run again later.",
        cause,
      );
    case "unreachable":
      return unreachable(fault.errno, place, cause);
    case "local":
      return local(fault.name, place, cause) ?? error;
  }
}

/** What a proxy on the way says in SQS's place: an answer without a code of SQS's. */
function ofProxy(fault: Fault, place: Place, cause: unknown): Failure | undefined {
  const { proxy } = place.target;
  if (proxy === undefined || (fault.kind !== "unreadable" && fault.kind !== "refused")) return undefined;
  if (fault.kind === "refused" && fault.code !== undefined) return undefined;
  switch (fault.status) {
    case 407:
      return new Failure(
        "configuration",
        `The proxy ${proxy} asks for a user name and a password, or refuses them (HTTP 407): write them into the proxy's URL in ` +
          "HTTPS_PROXY or HTTP_PROXY, each percent-encoded.",
        cause,
      );
    case 403:
      return new Failure(
        "configuration",
        `The proxy ${proxy} refuses the way to ${server(place)} (HTTP 403): allow it there, or except the host in NO_PROXY.`,
        cause,
      );
    case 502:
    case 503:
    case 504:
      return new Failure(
        "unavailable",
        `${server(place)} could not be reached through the proxy ${proxy} (HTTP ${fault.status}): run again later, or except the ` +
          "host in NO_PROXY.",
        cause,
      );
    default:
      return undefined;
  }
}

/** True where SQS said that the credentials lack a right. */
export function isDenied(error: unknown): boolean {
  const fault = faultOf(error);
  if (fault.kind !== "refused") return false;
  return fault.code === undefined ? fault.status === 403 : deniedCodes.has(fault.code);
}

const toldCodes: readonly ReadonlySet<string>[] = [
  ...[throttlingCodes, missingQueueCodes, expiredCodes, wrongCredentialCodes],
  ...[deniedCodes, deniedKeyCodes, clockCodes],
];

/**
 * True where SQS found fault with what was asked, and not with who asked: by whichever code, since servers of other makers have codes of
 * their own (ElasticMQ: `InvalidAttributeValue`).
 */
export function isObjection(error: unknown): boolean {
  const fault = faultOf(error);
  if (fault.kind !== "refused" || fault.code === undefined || fault.status >= 500) return false;
  const { code } = fault;
  return !/^Kms|^KMS\./.test(code) && !toldCodes.some((codes) => codes.has(code));
}

/** The failure for an endpoint where something else than SQS answers, or SQS in another protocol than the one set. */
export function notSqs(target: Target, setting: "auto" | Protocol, cause: unknown): Failure {
  const what =
    setting === "auto"
      ? "what answers there is not SQS: correct it, or leave it out for AWS itself"
      : `what answers there does not understand SQS's ${setting} protocol: correct it, or try --sqs-protocol auto`;
  const is = target.endpoint === undefined ? "" : ` is ${printable(target.endpoint)}`;
  return new Failure("configuration", `${target.endpointSetting}${is}: ${what}.`, withoutQuote(cause));
}

function refused(fault: Fault & { kind: "refused" }, place: Place, cause: unknown): Failure | Throttled {
  const { code, status } = fault;
  const said = code === undefined ? `HTTP ${status}` : `${code}, HTTP ${status}`;
  const configuration = (sentence: string) => new Failure("configuration", sentence, cause);
  const unavailable = (sentence: string) => new Failure("unavailable", sentence, cause);
  const queue = `"${place.target.queueName}"`;
  const is = (codes: ReadonlySet<string>) => code !== undefined && codes.has(code);

  if (is(throttlingCodes) || status === 429) {
    return new Throttled(`${server(place)} asks for fewer calls (${said}).`, { cause });
  }
  if (is(missingQueueCodes)) {
    return configuration(
      `${server(place)} has no queue ${queue}: check --queue / FETCH_ETL_QUEUE, the region ` +
        "(--region / AWS_REGION) and whose credentials are in use." +
        // SQS does not tell a queue that is not there from another account's that it may not tell of.
        (place.target.queueOwner === undefined
          ? ""
          : " A queue of another account has to allow them sqs:GetQueueUrl in its policy."),
    );
  }
  if (is(expiredCodes)) {
    return unavailable(`The AWS credentials have expired (${said}): renew them, then run again.`);
  }
  if (is(clockCodes)) {
    return configuration(`SQS finds this machine's clock wrong (${said}): set it, then run again.`);
  }
  if (is(wrongCredentialCodes)) {
    return configuration(
      `${server(place)} does not accept the AWS credentials (${said}): check AWS_ACCESS_KEY_ID and ` +
        "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
    );
  }
  if (is(deniedKeyCodes)) {
    return configuration(
      `The queue ${queue} is encrypted, and the AWS credentials may not use its KMS key (${said}): allow kms:Decrypt in ` +
        "their IAM policy and in the key's.",
    );
  }
  if (code?.startsWith("Kms") === true || code?.startsWith("KMS.") === true) {
    return configuration(
      `The queue ${queue} is encrypted, and its KMS key cannot be used (${said}): is it enabled, and still there?`,
    );
  }
  if (is(deniedCodes) || (status === 403 && code === undefined)) {
    return configuration(
      `The AWS credentials may not call ${place.action} on the queue ${queue} (${said}): allow it in their IAM policy ` +
        "and in the queue's.",
    );
  }
  if (status >= 500)
    return unavailable(`${server(place)} has a fault of its own (${said}): run again later.`);
  return configuration(
    `${server(place)} refused ${place.action} on the queue ${queue} (${said}): check --queue / FETCH_ETL_QUEUE and ` +
      `${place.target.endpointSetting}.`,
  );
}

function unreachable(errno: string, place: Place, cause: unknown): Failure {
  if (tlsErrors.test(errno)) {
    return new Failure(
      "configuration",
      `No secure connection to ${server(place)} (${errno}): check whether the endpoint is http or https; for a ` +
        "certificate of one's own set NODE_EXTRA_CA_CERTS.",
      cause,
    );
  }
  const { proxy } = place.target;
  if (proxy !== undefined) {
    return new Failure(
      "unavailable",
      `${server(place)} could not be reached through the proxy ${proxy} (${errno}): check HTTPS_PROXY, HTTP_PROXY and NO_PROXY, ` +
        "and whether the proxy is up.",
      cause,
    );
  }
  if (errno.startsWith("HPE_")) return notSqs(place.target, "auto", cause);
  const check =
    place.target.endpoint === undefined
      ? "check the network and the region (--region / AWS_REGION)."
      : `is it running, and is ${place.target.endpointSetting} right?`;
  return new Failure("unavailable", `${server(place)} could not be reached (${errno}): ${check}`, cause);
}

function local(name: string, place: Place, cause: unknown): Failure | undefined {
  const configuration = (sentence: string) => new Failure("configuration", sentence, cause);
  switch (name) {
    case "RegionMissing":
      return configuration(
        "The AWS region is not set: give --region or set AWS_REGION." +
          (process.env["AWS_DEFAULT_REGION"] === undefined
            ? ""
            : " AWS_DEFAULT_REGION is not read: the AWS SDK for JavaScript reads AWS_REGION alone.") +
          (place.target.endpoint === undefined ? "" : " A local server takes any, such as us-east-1."),
      );
    case "EndpointError":
      return configuration(
        "No SQS endpoint fits the region (--region / AWS_REGION) together with AWS_USE_FIPS_ENDPOINT or " +
          "AWS_USE_DUALSTACK_ENDPOINT: correct one of them.",
      );
    default:
      return undefined;
  }
}

function server({ target }: Place): string {
  return target.endpoint === undefined ? "SQS" : `SQS at ${printable(target.endpoint)}`;
}
