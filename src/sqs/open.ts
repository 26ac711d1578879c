// Finds the configured queue, and the protocol of its server.
import { GetQueueAttributesCommand, GetQueueUrlCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { queueArnOf, type SqsSettings } from "../config/queue.ts";
import { Failure } from "../failure.ts";
import type { Notices, Queue, RequestCounts } from "../drain/ports.ts";
import { configuredEndpoint, createClient, type SqsClient } from "./client.ts";
import { translateSqsError, notSqs, type SqsCall } from "./errors.ts";
import { EmptyAnswer } from "../aws/fault.ts";
import { isMissingQueue } from "./missing-queue.ts";
import { attempt, findProtocol, isInternalError, isUnsupported, type Outcome } from "./protocol.ts";
import { proxyOf } from "../aws/proxies.ts";
import { SqsQueue, type FoundQueue, type QueueAttributes } from "./queue.ts";
import { printableUrl } from "../aws/errors.ts";
import { isAwsHost, targetOf, type Protocol, type Target } from "./target.ts";

/** The result of the first request: the URL for a name, the queue's attributes for a URL. */
interface Located {
  readonly url: string;
  readonly attributes: QueueAttributes | undefined;
}

/**
 * Opens the queue: looks up its URL, reads its attributes and detects the protocol.
 *
 * @param notices told that the endpoint uses the older protocol, and of damaged messages
 * @throws {Failure} `configuration` or `unavailable`, with a sentence that names the setting
 * @throws {Throttled} if SQS throttles the request
 */
export async function openQueue(settings: SqsSettings, notices: Notices): Promise<Queue> {
  const target = await readTarget(settings);
  const found = await findQueue(settings, target, notices, { retry: true });
  try {
    const attributes = found.attributes ?? (await attributesOf(found.client, found.url, target));
    return new SqsQueue({ ...found, attributes, notices, withAttributes: settings.withAttributes === true });
  } catch (error) {
    found.client.destroy();
    throw error;
  }
}

/** A queue that was found, with its attributes if the first request read them. */
export type LocatedQueue = Omit<FoundQueue, "attributes" | "notices" | "withAttributes"> &
  Pick<Located, "attributes">;

/**
 * Finds the queue with as few requests as possible. The caller must destroy the client.
 *
 * @param how `retry`: false for one attempt per call; `watch` is called with each client before its first request
 * @throws as {@link openQueue} does
 */
export async function findQueue(
  settings: SqsSettings,
  target: Target,
  notices: Pick<Notices, "note">,
  how: { readonly retry: boolean; readonly watch?: (client: SqsClient) => void },
): Promise<LocatedQueue> {
  const requests: RequestCounts = { receive: 0, delete: 0, other: 0 };
  const clientFor = async (protocol: Protocol, retry: boolean): Promise<SqsClient> => {
    const { maxSockets } = settings;
    const client = await createClient({ target, protocol, retry, maxSockets, requests });
    how.watch?.(client);
    return client;
  };

  let protocol: Protocol = settings.protocol === "query" ? "query" : "json";
  let first: Outcome<Located> | undefined;
  if (settings.protocol === "auto" && target.endpoint !== undefined && !isAwsHost(target.endpoint)) {
    const ask = async (candidate: Protocol): Promise<Located> => {
      const client = await clientFor(candidate, false);
      return locate(client, target).finally(() => {
        client.destroy();
      });
    };
    ({ protocol, outcome: first } = await findProtocol(ask, firstCall(target)));
    if (protocol === "query") {
      notices.note(
        `${printableUrl(target.endpoint)} supports only the older SQS query protocol, so fetch-etl uses it. ` +
          "Set --sqs-protocol query to skip the detection.",
      );
    }
  }

  const client = await clientFor(protocol, how.retry);
  try {
    first ??= await attempt(() => locate(client, target));
    const located = await resolveQueue(first, client, target, settings.protocol);
    return { ...located, client, protocol, target, requests, maxSockets: settings.maxSockets };
  } catch (error) {
    client.destroy();
    throw error;
  }
}

/** The first request, which finds the queue. */
async function locate(client: SQSClient, { queueName, queueUrl, queueOwner }: Target): Promise<Located> {
  if (queueUrl === undefined) {
    const { QueueUrl: url } = await client.send(
      new GetQueueUrlCommand({ QueueName: queueName, QueueOwnerAWSAccountId: queueOwner }),
    );
    if (url === undefined) throw new EmptyAnswer();
    return { url, attributes: undefined };
  }
  return { url: queueUrl, attributes: await readAttributes(client, queueUrl) };
}

/** The located queue, after a second request by name if the server does not know the URL; or throws. */
async function resolveQueue(
  first: Outcome<Located>,
  client: SQSClient,
  target: Target,
  setting: SqsSettings["protocol"],
): Promise<Located> {
  if (first.ok) return first.answer;
  const { error } = first;
  // A local server may know the queue by another URL than the one that reaches it. AWS does not.
  const { endpoint } = target;
  const mayKnow = target.queueUrl !== undefined && endpoint !== undefined && !isAwsHost(endpoint);
  if (mayKnow && isMissingQueue(error)) {
    const byName = { ...target, queueUrl: undefined };
    const second = await attempt(() => locate(client, byName));
    if (!second.ok) throw translateSqsError(second.error, firstCall(byName));
    const { url } = second.answer;
    return { url, attributes: await attributesOf(client, url, byName) };
  }
  if (target.endpoint !== undefined && isUnsupported(error) && !isInternalError(error)) {
    throw notSqs(target, setting, error);
  }
  throw translateSqsError(error, firstCall(target));
}

async function readAttributes(client: SQSClient, url: string): Promise<QueueAttributes> {
  const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] });
  const { Attributes: attributes } = await client.send(command);
  if (attributes === undefined) throw new EmptyAnswer();
  return attributes;
}

/**
 * The queue's attributes.
 *
 * @throws {Failure} also `configuration` if the server found the queue in another account than the configured one
 */
export async function attributesOf(client: SQSClient, url: string, target: Target): Promise<QueueAttributes> {
  let attributes: QueueAttributes;
  try {
    attributes = await readAttributes(client, url);
  } catch (error) {
    throw translateSqsError(error, { target, action: "sqs:GetQueueAttributes" });
  }
  const found = queueArnOf(attributes.QueueArn ?? "")?.account;
  const { queueOwner: owner = found, queueName, endpoint } = target;
  if (found === undefined || owner === undefined || found === owner) return attributes;
  throw new Failure(
    "configuration",
    `Account ${owner} has no queue ${queueName} at ${endpoint === undefined ? "AWS" : printableUrl(endpoint)}; ` +
      `the queue of that name is in account ${found}. Check --queue / FETCH_ETL_QUEUE.`,
  );
}

/**
 * The queue's location, from the settings and the AWS configuration.
 *
 * @throws {Failure} `configuration` if they are invalid
 */
export async function readTarget(settings: SqsSettings): Promise<Target> {
  const { endpointUrl, endpointFromEnvironment: fromEnvironment = false } = settings;
  const configured = endpointUrl === undefined || fromEnvironment ? await configuredEndpoint() : undefined;
  // The SDK returns undefined if the profile says to ignore the environment's endpoint.
  const isIgnored = fromEnvironment && configured === undefined;
  const target = targetOf(
    isIgnored ? { ...settings, endpointUrl: undefined } : settings,
    endpointUrl === undefined ? configured : undefined,
  );
  return { ...target, proxy: await proxyOf(target, "sqs") };
}

function firstCall(target: Target): SqsCall {
  return { target, action: target.queueUrl === undefined ? "sqs:GetQueueUrl" : "sqs:GetQueueAttributes" };
}
