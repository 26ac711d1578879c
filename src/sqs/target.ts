// Pure: determines the endpoint, the region and the queue name from the settings.
import type { Place } from "../aws/proxies.ts";
import { queueArnOf, queueNameOf, type SqsSettings } from "../config/queue.ts";
import { Failure } from "../failure.ts";

/** SQS's two protocols: AWS JSON 1.0, and the query protocol (form in, XML out) of API version 2012-11-05. */
export type Protocol = "json" | "query";

export interface Target extends Place {
  readonly queueName: string;
  /** Undefined if the queue was given by name or ARN. */
  readonly queueUrl: string | undefined;
  /** The account in the ARN or URL, twelve digits; undefined for the account of the credentials. */
  readonly queueOwner: string | undefined;
  /** The setting that determines the endpoint, for error messages. */
  readonly endpointSetting: string;
}

const queueSetting = "--queue / FETCH_ETL_QUEUE";

// The hosts that the region determines. Other AWS hosts (FIPS, VPC endpoints, dual stack, other partitions) must be kept as endpoints.
const awsHosts = [
  /^sqs\.(?<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?$/,
  /^(?<region>[a-z0-9-]+)\.queue\.amazonaws\.com(\.cn)?$/,
];
const awsDomain =
  "(amazonaws\\.(com(\\.cn)?|eu)|api\\.(aws|amazonwebservices\\.(com\\.cn|eu))|c2s\\.ic\\.gov|sc2s\\.sgov\\.gov)";
const otherAwsHosts = new RegExp(`(^|\\.)sqs(-fips)?\\.(?<region>[a-z0-9-]+)\\.(vpce\\.)?${awsDomain}$`);
const anyAwsHost = new RegExp(`\\.${awsDomain}$`);

/** True for AWS hosts, which support JSON. */
export function isAwsHost(url: string): boolean {
  return anyAwsHost.test(new URL(url).hostname);
}

/**
 * Combines endpoint, region and queue. A configured endpoint overrides the host of a queue URL. Without one, an AWS URL determines the
 * region, and any other URL the endpoint. An ARN always determines the region.
 *
 * @param configuredEndpoint the endpoint in the AWS configuration file; undefined if the settings have one
 * @throws {Failure} `configuration` for an invalid URL, and for a region that contradicts the queue URL
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
      `${endpointSetting} is not a URL. Write it as http://localhost:4566, or omit it to use AWS.`,
    );
  }
  const { queue, region } = settings;
  const given = { queueUrl: undefined, queueOwner: undefined, endpoint, endpointSetting, region };
  const arn = queueArnOf(queue);
  if (arn !== undefined)
    return { ...given, queueName: arn.name, queueOwner: arn.account, region: arn.region };
  const queueName = queueNameOf(queue);
  if (queueName === queue) return { ...given, queueName };

  // Local servers return invalid URLs, such as http://sqs.us-east-1.127.0.0.1:4566/…; with a known endpoint, only the name at the
  // end matters.
  const url = webUrl(queue);
  if (queueName === undefined || (url === undefined && endpoint === undefined)) {
    throw new Failure(
      "configuration",
      `${queueSetting} is not a queue name, URL or ARN. Write a URL as http://localhost:4566/000000000000/login-queue.`,
    );
  }
  const queueOwner = /\/(\d{12})\/[^/]+\/?$/.exec(queue)?.[1];
  const located = { ...given, queueName, queueUrl: queue, queueOwner };
  // A local server may return a URL with an AWS host, which says nothing about the region.
  if (url === undefined || (endpoint !== undefined && !isAwsHost(endpoint))) return located;

  const standard = regionIn(url.hostname, ...awsHosts);
  const named = standard ?? regionIn(url.hostname, otherAwsHosts);
  if (named !== undefined && region !== undefined && named !== region) {
    throw new Failure(
      "configuration",
      `--region is ${region}, but the URL in ${queueSetting} is in ${named}. Omit --region, or correct the URL.`,
    );
  }
  const regional = { ...located, region: named ?? region };
  if (endpoint !== undefined || standard !== undefined) return regional;
  return { ...regional, endpoint: url.origin, endpointSetting: queueSetting };
}

/** A URL without user, password and query, which must not be printed. */
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
