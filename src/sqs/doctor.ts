// The queue checks of `doctor`: credentials, queue and permissions. Consumes, hides and deletes nothing.
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
import { printableUrl } from "../aws/errors.ts";
import type { Target } from "./target.ts";

const MINUTE = 60_000;
/** Seconds. */
const A_DAY = 86_400;
/** Credentials that expire within this time get a warning. The SDK renews those that it can. */
const SOON = 15 * MINUTE;
/** Lowest maxReceiveCount without a warning: a killed drain and a peek each use up one receive. */
const FEWEST_RECEIVES = 3;
const RIGHTS = ["receive right", "delete right", "visibility right"] as const;

/**
 * The checks of {@link QUEUE_CHECKS}, in their order. Each call is made once, so the client's timeouts limit the duration.
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
      failedBy(queue, "invalid settings", error),
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
    const remaining = expiration.getTime() - now();
    if (remaining <= 0) {
      return failed(name, "expired", {
        kind: "unavailable",
        message: "Renew the AWS credentials, then run again.",
      });
    }
    const finding = `found; they expire in ${Math.floor(remaining / MINUTE)} minutes`;
    if (remaining > SOON) return ok(name, finding);
    return warning(name, finding, "Renew them, unless this happens automatically.");
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
      failedBy("queue", "found, but its attributes cannot be read", error),
      skipped("redrive policy", "not checked: see queue"),
    ];
  }
}

/** One line about the queue, without the attributes that the server omits. */
async function describe(
  { target, protocol, client }: LocatedQueue,
  attributes: QueueAttributes,
): Promise<string> {
  const parts: string[] = [];
  const add = (value: string | undefined, text: (value: number) => string): void => {
    const number = finite(value);
    if (number !== undefined) parts.push(text(number));
  };
  const { endpoint } = target;
  const at = endpoint === undefined ? `AWS, ${await client.config.region()}` : printableUrl(endpoint);
  const through = target.proxy === undefined ? "" : `, through the proxy ${target.proxy}`;
  parts.push(`${target.queueName} at ${at}${through}, ${protocol === "json" ? "JSON" : "query"} protocol`);
  add(attributes.ApproximateNumberOfMessages, (messages) => `${messages} visible`);
  add(attributes.ApproximateNumberOfMessagesNotVisible, (messages) => `${messages} in flight`);
  add(attributes.ApproximateNumberOfMessagesDelayed, (messages) => `${messages} delayed`);
  add(attributes.VisibilityTimeout, (seconds) => `visibility timeout ${seconds} s`);
  add(attributes.MessageRetentionPeriod, (seconds) => `retention ${retention(seconds)}`);
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
    `Set it to ${FEWEST_RECEIVES} or more. Otherwise, messages of a killed drain have too few receives left.`,
  );
}
