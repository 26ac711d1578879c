// Looks at queue, credentials and rights for one who sets up; consumes, hides and deletes nothing.
import type { SqsSettings } from "../config/queue.ts";
import { allSkipped, failed, ok, QUEUE_CHECKS, skipped, warning, type Check } from "../doctor/check.ts";
import { isRetryable } from "../drain/ports.ts";
import { createClient } from "./client.ts";
import { translateSqsError } from "./errors.ts";
import { failedBy, checkRights } from "./probes.ts";
import { finite } from "./message.ts";
import { attributesOf, findQueue, readTarget, type LocatedQueue } from "./open.ts";
import { maxReceiveCount, type QueueAttributes } from "./queue.ts";
import { createServerClock } from "./server-clock.ts";
import { printable, type Target } from "./target.ts";

const MINUTE = 60_000;
/** Seconds. */
const A_DAY = 86_400;
/** The SDK renews temporary credentials before they expire, where it knows how to. */
const SOON = 15 * MINUTE;
/** SQS moves a message after so many receives; a drain that is killed and one look each take one. */
const FEWEST_RECEIVES = 3;
const RIGHTS = ["receive right", "delete right", "visibility right"] as const;

/**
 * The checks of {@link QUEUE_CHECKS}, in their order. Each call is made once: what does not answer keeps it no longer than the
 * client's own time limits.
 *
 * @param now epoch milliseconds
 */
export async function checkQueue(settings: SqsSettings, now: () => number): Promise<readonly Check[]> {
  const [credentials, queue, ...others] = QUEUE_CHECKS;
  let target: Target;
  try {
    target = await readTarget(settings);
  } catch (error) {
    return [
      skipped(credentials, "not checked: see queue"),
      failedBy(queue, "settings that cannot be used", error),
      ...allSkipped(others, "not checked: see queue"),
    ];
  }
  const credentialsFound = await checkCredentials(target, now);
  if (credentialsFound.status === "failed") {
    return [credentialsFound, ...allSkipped([queue, ...others], "not checked: there are no credentials")];
  }
  return [credentialsFound, ...(await describeQueue(settings, target, now))];
}

async function checkCredentials(target: Target, now: () => number): Promise<Check> {
  const name = "credentials";
  const requests = { receive: 0, delete: 0, other: 0 };
  const client = await createClient({ target, protocol: "json", maxSockets: 1, retry: false, requests });
  try {
    const { expiration } = await client.config.credentials();
    if (expiration === undefined) return ok(name, "found");
    const left = expiration.getTime() - now();
    if (left <= 0) {
      return failed(name, "found, and expired", {
        kind: "unavailable",
        message: "Renew the AWS credentials, then run again.",
      });
    }
    const finding = `found; temporary, for ${Math.floor(left / MINUTE)} more minutes`;
    if (left > SOON) return ok(name, finding);
    return warning(name, finding, "Renew them where nothing does so by itself.");
  } catch (error) {
    return failedBy(name, "none found", translateSqsError(error, { target, action: "sqs:GetQueueUrl" }));
  } finally {
    client.destroy();
  }
}

async function describeQueue(
  settings: SqsSettings,
  target: Target,
  now: () => number,
): Promise<readonly Check[]> {
  const clock = createServerClock(now);
  let queue: LocatedQueue;
  try {
    queue = await findQueue(
      settings,
      target,
      { note: () => undefined },
      { retry: false, watch: clock.watch },
    );
  } catch (error) {
    const others = allSkipped(["redrive policy", ...RIGHTS], "not checked: see queue");
    return [
      failedBy("queue", isRetryable(error) ? "not reached" : "not found", error),
      ...others,
      clock.check(),
    ];
  }
  try {
    const attributes = await checkAttributes(queue);
    return [...attributes, ...(await checkRights(queue)), clock.check()];
  } finally {
    queue.client.destroy();
  }
}

async function checkAttributes(queue: LocatedQueue): Promise<readonly Check[]> {
  const { client, url, target } = queue;
  try {
    const attributes = queue.attributes ?? (await attributesOf(client, url, target));
    return [ok("queue", await describe(queue, attributes)), checkRedrive(attributes)];
  } catch (error) {
    return [
      failedBy("queue", "found, and tells nothing about itself", error),
      skipped("redrive policy", "not checked: see queue"),
    ];
  }
}

/** What a server leaves out is left out. */
async function describe(
  { target, protocol, client }: LocatedQueue,
  attributes: QueueAttributes,
): Promise<string> {
  const parts: string[] = [];
  const tell = (value: string | undefined, text: (value: number) => string): void => {
    const number = finite(value);
    if (number !== undefined) parts.push(text(number));
  };
  const { endpoint } = target;
  const at = endpoint === undefined ? `AWS, ${await client.config.region()}` : printable(endpoint);
  const through = target.proxy === undefined ? "" : `, through the proxy ${target.proxy}`;
  parts.push(`${target.queueName} at ${at}${through}, ${protocol === "json" ? "JSON" : "query"} protocol`);
  tell(attributes.ApproximateNumberOfMessages, (messages) => `${messages} visible`);
  tell(attributes.ApproximateNumberOfMessagesNotVisible, (messages) => `${messages} in flight`);
  tell(attributes.ApproximateNumberOfMessagesDelayed, (messages) => `${messages} delayed`);
  tell(attributes.VisibilityTimeout, (seconds) => `visibility timeout ${seconds} s`);
  tell(attributes.MessageRetentionPeriod, (seconds) => `retention ${retention(seconds)}`);
  if (attributes.KmsMasterKeyId !== undefined) parts.push("encrypted with a KMS key");
  else if (attributes.SqsManagedSseEnabled === "true") parts.push("encrypted by SQS");
  return parts.join(", ");
}

function retention(seconds: number): string {
  return seconds < A_DAY ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / A_DAY)} days`;
}

function checkRedrive({ RedrivePolicy: policy }: QueueAttributes): Check {
  const name = "redrive policy";
  const most = maxReceiveCount(policy);
  if (most === undefined) return ok(name, "none");
  const finding = `maxReceiveCount ${most}`;
  if (most >= FEWEST_RECEIVES) return ok(name, finding);
  return warning(
    name,
    finding,
    `Set it to ${FEWEST_RECEIVES} or more: a message whose drain is killed has too few receives left.`,
  );
}
