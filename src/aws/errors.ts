// Errors that all AWS services have in common: their codes, and the sentences for proxy, network, credentials and clock. A sentence quotes
// only the code of a server's answer.
import { Failure } from "../failure.ts";
import type { Fault } from "./fault.ts";
import type { Place } from "./proxies.ts";

/** A call of a service, as the sentences name it. */
export interface ServiceCall {
  /** Such as `SQS`. */
  readonly service: string;
  readonly place: Place;
  /** The setting with the endpoint. */
  readonly endpointSetting: string;
  /** The setting with the region. */
  readonly regionSetting: string;
}

export const throttlingCodes: ReadonlySet<string> = new Set([
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
const expiredCodes: ReadonlySet<string> = new Set([
  "ExpiredToken",
  "ExpiredTokenException",
  "RequestExpired",
]);
const wrongCredentialCodes: ReadonlySet<string> = new Set([
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
const deniedCodes: ReadonlySet<string> = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "NotAuthorized",
  "UnauthorizedOperation",
]);
const clockCodes: ReadonlySet<string> = new Set(["RequestTimeTooSkewed", "RequestInTheFuture"]);
/** Codes that concern the sender of a request, not what it asks for. */
export const senderCodes: readonly ReadonlySet<string>[] = [
  ...[throttlingCodes, expiredCodes, wrongCredentialCodes],
  ...[deniedCodes, clockCodes],
];
const tlsErrors = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO)/;

/** The service in a sentence, with its endpoint if it is a custom one. */
export function server({ service, place }: ServiceCall): string {
  return place.endpoint === undefined ? service : `${service} at ${printableUrl(place.endpoint)}`;
}

/** A URL without user, password and query, which must not be printed. */
export function printableUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return pathname === "/" ? origin : origin + pathname;
}

/** The code, if there is one, and the status: `AccessDenied, HTTP 403`. */
export function codesOf({ code, status }: Fault & { kind: "error response" }): string {
  return code === undefined ? `HTTP ${status}` : `${code}, HTTP ${status}`;
}

/** True if the service answered that the credentials lack a permission. */
export function isDeniedFault(fault: Fault): boolean {
  if (fault.kind !== "error response") return false;
  return fault.code === undefined ? fault.status === 403 : deniedCodes.has(fault.code);
}

/** An answer that came from a proxy instead of the service: it has no error code. */
export function proxyFailure(fault: Fault, call: ServiceCall, cause: unknown): Failure | undefined {
  const { proxy } = call.place;
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

/** The sentence for credentials or a clock that the service rejected. */
export function senderFailure(
  fault: Fault & { kind: "error response" },
  call: ServiceCall,
  cause: unknown,
): Failure | undefined {
  const { code = "" } = fault;
  const codes = codesOf(fault);
  if (expiredCodes.has(code)) {
    return new Failure(
      "unavailable",
      `The AWS credentials have expired (${codes}). Renew them, then run again.`,
      cause,
    );
  }
  if (clockCodes.has(code)) {
    return new Failure(
      "configuration",
      `${call.service} rejected the request because this machine's clock is wrong (${codes}). Set the clock, then run again.`,
      cause,
    );
  }
  if (wrongCredentialCodes.has(code)) {
    return new Failure(
      "configuration",
      `${server(call)} rejected the AWS credentials (${codes}). Check AWS_ACCESS_KEY_ID and ` +
        "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
      cause,
    );
  }
  return undefined;
}

export function internalFailure(
  fault: Fault & { kind: "error response" },
  call: ServiceCall,
  cause: unknown,
): Failure {
  return new Failure(
    "unavailable",
    `${server(call)} reported an internal error (${codesOf(fault)}). Run again later.`,
    cause,
  );
}

export function unreadableFailure(
  { status }: Fault & { kind: "unreadable" },
  call: ServiceCall,
  cause: unknown,
): Failure {
  return new Failure(
    "unavailable",
    `${server(call)} sent a response that is not from ${call.service} (HTTP ${status}). Check whether a proxy intercepts the requests, ` +
      "then run again.",
    cause,
  );
}

export function unreachableFailure(
  { errno }: Fault & { kind: "unreachable" },
  call: ServiceCall,
  cause: unknown,
): Failure {
  if (tlsErrors.test(errno)) {
    return new Failure(
      "configuration",
      `No secure connection to ${server(call)} (${errno}). Check whether the endpoint uses http or https. For a private ` +
        "certificate authority, set NODE_EXTRA_CA_CERTS.",
      cause,
    );
  }
  const { proxy, endpoint } = call.place;
  if (proxy !== undefined) {
    return new Failure(
      "unavailable",
      `${notReached(call)} through the proxy ${proxy} (${errno}). Check that the proxy is running, and HTTPS_PROXY, HTTP_PROXY ` +
        "and NO_PROXY.",
      cause,
    );
  }
  const check =
    endpoint === undefined
      ? `Check the network and the region (${call.regionSetting}).`
      : `Check that it is running, and ${call.endpointSetting}.`;
  return new Failure("unavailable", `${notReached(call)} (${errno}). ${check}`, cause);
}

/** @returns undefined for an error that is a defect in this program */
export function localFailure(
  { name }: Fault & { kind: "local" },
  call: ServiceCall,
  cause: unknown,
): Failure | undefined {
  switch (name) {
    case "RegionMissing":
      return new Failure(
        "configuration",
        `The AWS region is not set. Set ${call.regionSetting.replace(" / ", " or ")}.` +
          (process.env["AWS_DEFAULT_REGION"] === undefined
            ? ""
            : " AWS_DEFAULT_REGION is not read: the AWS SDK for JavaScript reads only AWS_REGION.") +
          (call.place.endpoint === undefined ? "" : " A local server accepts any region, such as us-east-1."),
        cause,
      );
    case "RegionInvalid":
      return new Failure(
        "configuration",
        `The AWS region is not a region name. Write it as us-east-1 in ${call.regionSetting}, or in the region of the AWS profile.`,
        cause,
      );
    case "EndpointError":
      return new Failure(
        "configuration",
        `No ${call.service} endpoint exists for the region (${call.regionSetting}) with AWS_USE_FIPS_ENDPOINT or ` +
          "AWS_USE_DUALSTACK_ENDPOINT. Correct one of them.",
        cause,
      );
    default:
      return undefined;
  }
}

function notReached({ service, place }: ServiceCall): string {
  return `${service} is unreachable${place.endpoint === undefined ? "" : ` at ${printableUrl(place.endpoint)}`}`;
}
