// What the settings say about where the queue is: which endpoint to ask, in which region, for which queue. Pure.
import { queueArnOf, queueNameOf, type SqsSettings } from "../config/queue.ts";
import { Failure } from "../failure.ts";

/** The two languages of SQS: AWS JSON 1.0, and the query protocol (form in, XML out) of API version 2012-11-05. */
export type Protocol = "json" | "query";

/** Where to ask for which queue. */
export interface Target {
  readonly queueName: string;
  /** Undefined where the queue was given by its name or its ARN. */
  readonly queueUrl: string | undefined;
  /** The account that an ARN or a URL names, twelve digits; undefined for the credentials' own. */
  readonly queueOwner: string | undefined;
  /** Undefined for AWS's own endpoint of the region. */
  readonly endpoint: string | undefined;
  /** What the user would change to change the endpoint. */
  readonly endpointSetting: string;
  /** Undefined for the SDK's own chain. */
  readonly region: string | undefined;
  /** The proxy on the way there, without user and password; undefined where there is none, or nobody has looked. */
  readonly proxy?: string | undefined;
}

const queueSetting = "--queue / FETCH_ETL_QUEUE";

// The hosts that a region alone leads to. Others of AWS's (FIPS, VPC endpoints, dual stack, other partitions) have to be kept as they are.
const awsHosts = [
  /^sqs\.(?<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?$/,
  /^(?<region>[a-z0-9-]+)\.queue\.amazonaws\.com(\.cn)?$/,
];
const awsDomain =
  "(amazonaws\\.(com(\\.cn)?|eu)|api\\.(aws|amazonwebservices\\.(com\\.cn|eu))|c2s\\.ic\\.gov|sc2s\\.sgov\\.gov)";
const otherAwsHosts = new RegExp(`(^|\\.)sqs(-fips)?\\.(?<region>[a-z0-9-]+)\\.(vpce\\.)?${awsDomain}$`);
const anyAwsHost = new RegExp(`\\.${awsDomain}$`);

/** True for a host that AWS runs, where JSON is understood. */
export function isAwsHost(url: string): boolean {
  return anyAwsHost.test(new URL(url).hostname);
}

/**
 * Weighs endpoint, region and queue against each other. A configured endpoint wins over the host of a queue URL; without
 * one, a URL of AWS gives the region, and any other URL the endpoint. An ARN gives the region, whatever the endpoint.
 *
 * @param configuredEndpoint what the AWS configuration file says, asked for only when the settings name no endpoint
 * @throws {Failure} `configuration`, for what is not a URL, and for a region that contradicts the queue URL
 */
export function targetOf(settings: SqsSettings, configuredEndpoint: string | undefined): Target {
  const endpoint = settings.endpointUrl ?? configuredEndpoint;
  const endpointSetting =
    settings.endpointUrl === undefined && configuredEndpoint !== undefined
      ? "endpoint_url in the AWS configuration file"
      : "--endpoint-url / AWS_ENDPOINT_URL_SQS";
  if (endpoint !== undefined && webUrl(endpoint) === undefined) {
    throw new Failure(
      "configuration",
      `${endpointSetting} is not a URL that begins with http:// or https://.`,
    );
  }
  const { queue, region } = settings;
  const arn = queueArnOf(queue);
  if (arn !== undefined) {
    const { name: queueName, account: queueOwner } = arn;
    return { queueName, queueUrl: undefined, queueOwner, endpoint, endpointSetting, region: arn.region };
  }
  const queueName = queueNameOf(queue);
  if (queueName === queue) {
    const byName = { queueName, queueUrl: undefined, queueOwner: undefined };
    return { ...byName, endpoint, endpointSetting, region };
  }

  // Local servers give out URLs that are none, such as http://sqs.us-east-1.127.0.0.1:4566/…; where the endpoint is
  // known, all that counts is the name at the end.
  const url = webUrl(queue);
  if (queueName === undefined || (url === undefined && endpoint === undefined)) {
    throw new Failure(
      "configuration",
      `${queueSetting} is neither a queue's name or ARN nor a URL like http://localhost:4566/000000000000/login-queue.`,
    );
  }
  const located = { queueName, queueUrl: queue, queueOwner: /\/(\d{12})\/[^/]+\/?$/.exec(queue)?.[1] };
  // A server of one's own may have made up a URL of AWS's: it tells no region there.
  if (url === undefined || (endpoint !== undefined && !isAwsHost(endpoint)))
    return { ...located, endpoint, endpointSetting, region };

  const standard = regionIn(url.hostname, ...awsHosts);
  const named = standard ?? regionIn(url.hostname, otherAwsHosts);
  if (named !== undefined && region !== undefined && named !== region) {
    throw new Failure(
      "configuration",
      `--region says ${region}, the URL in ${queueSetting} says ${named}: leave one of them out.`,
    );
  }
  const regional = { ...located, region: named ?? region };
  if (endpoint !== undefined) return { ...regional, endpoint, endpointSetting };
  return standard === undefined
    ? { ...regional, endpoint: url.origin, endpointSetting: queueSetting }
    : { ...regional, endpoint: undefined, endpointSetting };
}

/** A URL without what must not be printed: user, password and query. */
export function printable(url: string): string {
  const { origin, pathname } = new URL(url);
  return pathname === "/" ? origin : origin + pathname;
}

function webUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === "http:" || url.protocol === "https:" ? url : undefined;
}

function regionIn(hostname: string, ...patterns: readonly RegExp[]): string | undefined {
  for (const pattern of patterns) {
    const region = pattern.exec(hostname)?.groups?.["region"];
    if (region !== undefined) return region;
  }
  return undefined;
}
