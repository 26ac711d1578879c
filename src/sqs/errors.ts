// Translates the SDK's errors into sentences: what could not be done, where, the code, what to check. Of a server's own text they
// contain only codes.
import { Failure, Missing } from "../failure.ts";
import { Throttled } from "../drain/ports.ts";
import { translateCredentialsFault } from "../aws/credentials.ts";
import { faultOf, withoutQuote, type Fault } from "../aws/fault.ts";
import {
  codesOf,
  internalFailure,
  isDeniedFault,
  localFailure,
  printableUrl,
  proxyFailure,
  senderCodes,
  senderFailure,
  server,
  throttlingCodes,
  unreachableFailure,
  unreadableFailure,
  type ServiceCall,
} from "../aws/errors.ts";
import { CredentialsFault } from "../aws/lookup.ts";
import { missingQueueCodes } from "./missing-queue.ts";
import type { Protocol, Target } from "./target.ts";

export interface SqsCall {
  readonly target: Target;
  /** The IAM action that the call needs, such as `sqs:ReceiveMessage`. */
  readonly action: string;
}

/** In JSON, and in the query protocol. */
const deniedKeyCodes = new Set(["KmsAccessDenied", "KMS.AccessDeniedException"]);
/** For the sentences that all services share. */
function serviceCall({ target }: SqsCall): ServiceCall {
  const { endpointSetting } = target;
  return { service: "SQS", place: target, endpointSetting, regionSetting: "--region / AWS_REGION" };
}

/** What to throw instead of an SDK error: `Throttled` or `Failure`, or the same error if it is a defect in this program. */
export function translateSqsError(error: unknown, call: SqsCall): unknown {
  if (error instanceof Failure || error instanceof Throttled) return error;
  if (error instanceof CredentialsFault) return translateCredentialsFault(error, call.target);
  const fault = faultOf(error);
  const cause = withoutQuote(error);
  const at = serviceCall(call);
  const fromProxy = proxyFailure(fault, at, cause);
  if (fromProxy !== undefined) return fromProxy;
  switch (fault.kind) {
    case "error response":
      return errorResponse(fault, call, cause);
    case "unreadable":
      return unreadableFailure(fault, at, cause);
    case "unreachable":
      return fault.errno.startsWith("HPE_") && call.target.proxy === undefined
        ? notSqs(call.target, "auto", cause)
        : unreachableFailure(fault, at, cause);
    case "local":
      return localFailure(fault, at, cause) ?? error;
  }
}

/** True if SQS answered that the credentials lack a permission. */
export function isDenied(error: unknown): boolean {
  return isDeniedFault(faultOf(error));
}

const otherCodes: readonly ReadonlySet<string>[] = [...senderCodes, missingQueueCodes, deniedKeyCodes];

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
  const host =
    target.endpoint === undefined ? "The server" : `The server at ${printableUrl(target.endpoint)}`;
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
  const at = serviceCall(call);
  const codes = codesOf(fault);
  const configuration = (sentence: string) => new Failure("configuration", sentence, cause);
  const queue = `"${call.target.queueName}"`;
  const isOneOf = (known: ReadonlySet<string>) => code !== undefined && known.has(code);

  if (isOneOf(throttlingCodes) || status === 429) {
    return new Throttled(`${server(at)} is throttling requests (${codes}).`, { cause });
  }
  if (isOneOf(missingQueueCodes)) {
    return new Missing(
      `${server(at)} has no queue ${queue} (${codes}). Check --queue / FETCH_ETL_QUEUE, the region ` +
        "(--region / AWS_REGION) and the AWS account of the credentials." +
        // SQS gives the same answer for a missing and a forbidden queue.
        (call.target.queueOwner === undefined
          ? ""
          : " The policy of a queue in another account must allow sqs:GetQueueUrl."),
      cause,
    );
  }
  const ofSender = senderFailure(fault, at, cause);
  if (ofSender !== undefined) return ofSender;
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
  if (isDeniedFault(fault)) {
    return configuration(
      `The AWS credentials are not authorized to call ${call.action} on queue ${queue} (${codes}). Allow it in their IAM policy ` +
        "and in the queue policy.",
    );
  }
  if (status >= 500) return internalFailure(fault, at, cause);
  return configuration(
    `${server(at)} rejected ${call.action} on queue ${queue} (${codes}). Check --queue / FETCH_ETL_QUEUE and ` +
      `${call.target.endpointSetting}.`,
  );
}
