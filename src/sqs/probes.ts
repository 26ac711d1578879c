// Checks the permissions that a drain needs with requests whose parameters SQS rejects: it evaluates the policies first (AWS, "Amazon
// SQS access control process workflow"). Consumes, hides and deletes nothing.
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SQSServiceException,
} from "@aws-sdk/client-sqs";
import { ok, skipped, failed, type Check, type CheckName } from "../doctor/check.ts";
import { translateSqsError, isDenied, isParameterError } from "./errors.ts";
import { isCode } from "../aws/fault.ts";
import type { LocatedQueue } from "./open.ts";
import { attempt } from "./protocol.ts";
import { Failure } from "../failure.ts";
import { Throttled } from "../drain/ports.ts";

/** A receipt handle that no message has. */
const NO_HANDLE = "fetch-etl-doctor";

/** Outside the range 1 to 10, so SQS returns no message. */
const OUT_OF_RANGE = 11;

const ALLOWED = "permitted, as far as SQS tells";

/** The three permissions, checked concurrently. */
export async function checkRights(queue: LocatedQueue): Promise<readonly Check[]> {
  const { client, url, protocol } = queue;
  const batch = { QueueUrl: url, Entries: [{ Id: "0", ReceiptHandle: NO_HANDLE }] };
  const hide = { QueueUrl: url, Entries: [{ Id: "0", ReceiptHandle: NO_HANDLE, VisibilityTimeout: 0 }] };
  const receive = {
    QueueUrl: url,
    MaxNumberOfMessages: OUT_OF_RANGE,
    // If a server returns messages anyway, they are not hidden, and the request does not wait.
    VisibilityTimeout: 0,
    WaitTimeSeconds: 0,
  };
  return Promise.all([
    // LocalStack from before its JSON protocol accepts any number: it would return messages.
    protocol === "query"
      ? skipped("receive right", "not checked: in the older protocol, the check could receive messages")
      : checkRight("receive right", "sqs:ReceiveMessage", queue, async () => {
          const { Messages: messages = [] } = await client.send(new ReceiveMessageCommand(receive));
          return messages.length === 0 ? ALLOWED : "permitted: the server returned messages and hid none";
        }),
    checkRight("delete right", "sqs:DeleteMessage", queue, async () =>
      throwDenied((await client.send(new DeleteMessageBatchCommand(batch))).Failed),
    ),
    checkRight("visibility right", "sqs:ChangeMessageVisibility", queue, async () =>
      throwDenied((await client.send(new ChangeMessageVisibilityBatchCommand(hide))).Failed),
    ),
  ]);
}

async function checkRight(
  name: CheckName,
  action: string,
  { target }: LocatedQueue,
  ask: () => Promise<string>,
): Promise<Check> {
  const asked = await attempt(ask);
  if (asked.ok) return ok(name, asked.answer);
  if (isParameterError(asked.error)) return ok(name, ALLOWED);
  const finding = isDenied(asked.error) ? "missing" : "unknown";
  return failedBy(name, finding, translateSqsError(asked.error, { target, action }));
}

/** A batch call may succeed while its entry fails: throws the entry's code as an error. */
function throwDenied(failedEntries: readonly { readonly Code: string | undefined }[] = []): string {
  const [entry] = failedEntries;
  if (!isCode(entry?.Code)) return ALLOWED;
  throw new SQSServiceException({
    name: entry.Code,
    $fault: "client",
    $metadata: { httpStatusCode: 200 },
  });
}

/**
 * @param error a translated error
 * @throws the error itself if it is a defect in this program
 */
export function failedBy(name: CheckName, finding: string, error: unknown): Check {
  if (error instanceof Failure) return failed(name, finding, error);
  if (error instanceof Throttled) {
    return failed(name, finding, { kind: "unavailable", message: `${error.message} Run again later.` });
  }
  throw error;
}
