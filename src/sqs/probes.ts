// Asks whether the credentials may do what a drain does, by calls that SQS refuses for what they ask: it looks at the policies
// before it goes on to a request (AWS, "Amazon SQS access control process workflow"). Nothing is consumed, hidden or deleted.
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SQSServiceException,
} from "@aws-sdk/client-sqs";
import { ok, skipped, failed, type Check, type CheckName } from "../doctor/check.ts";
import { translateSqsError, isDenied, isObjection } from "./errors.ts";
import { isCode } from "./fault.ts";
import type { LocatedQueue } from "./open.ts";
import { attempt } from "./protocol.ts";
import { Failure } from "../failure.ts";
import { Throttled } from "../drain/ports.ts";

/** No message has it. */
const NO_HANDLE = "fetch-etl-doctor";

/** Out of range, which is 1 to 10, so that SQS hands out nothing. */
const OUT_OF_RANGE = 11;

const ALLOWED = "not refused for lack of a right";

/** The three rights, asked for at the same time. */
export async function checkRights(queue: LocatedQueue): Promise<readonly Check[]> {
  const { client, url, protocol } = queue;
  const batch = { QueueUrl: url, Entries: [{ Id: "0", ReceiptHandle: NO_HANDLE }] };
  const hide = { QueueUrl: url, Entries: [{ Id: "0", ReceiptHandle: NO_HANDLE, VisibilityTimeout: 0 }] };
  const receive = {
    QueueUrl: url,
    MaxNumberOfMessages: OUT_OF_RANGE,
    // For a server that hands out messages all the same: nothing is hidden, and nothing is waited for.
    VisibilityTimeout: 0,
    WaitTimeSeconds: 0,
  };
  return Promise.all([
    // LocalStack of the time before it spoke JSON has no number that it refuses: it would hand out messages.
    protocol === "query"
      ? skipped("receive right", "not checked: in the older protocol, asking might be receiving")
      : checkRight("receive right", "sqs:ReceiveMessage", queue, async () => {
          const { Messages: messages = [] } = await client.send(new ReceiveMessageCommand(receive));
          return messages.length === 0 ? ALLOWED : "there: the server handed out messages, and hid none";
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
  if (isObjection(asked.error)) return ok(name, ALLOWED);
  const finding = isDenied(asked.error) ? "missing" : "not found out";
  return failedBy(name, finding, translateSqsError(asked.error, { target, action }));
}

/** A batch may be taken and its entry refused; the entry's code stands for an error then. */
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
 * @param error what `explain` made of what was thrown
 * @throws the error itself where it is a defect of ours
 */
export function failedBy(name: CheckName, finding: string, error: unknown): Check {
  if (error instanceof Failure) return failed(name, finding, error);
  if (error instanceof Throttled) {
    return failed(name, finding, { kind: "unavailable", message: `${error.message} Run again later.` });
  }
  throw error;
}
