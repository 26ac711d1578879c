// Reads the settings of the queue: name, URL or ARN, endpoint, region, protocol.
import { settingOf } from "./flag-variables.ts";
import { oneOf, type Problems } from "./readers.ts";

export const SQS_PROTOCOLS = ["auto", "json", "query"] as const;
type SqsProtocol = (typeof SQS_PROTOCOLS)[number];

export interface SqsSettings {
  /** Name, URL or ARN. */
  readonly queue: string;
  /** Undefined to let the SDK determine it. */
  readonly endpointUrl: string | undefined;
  /** The endpoint is from the environment; the AWS profile may say to ignore it. */
  readonly endpointFromEnvironment?: true;
  /** Undefined to let the SDK determine it. */
  readonly region: string | undefined;
  readonly protocol: SqsProtocol;
  /** Maximum concurrent connections to SQS. */
  readonly maxSockets: number;
  /** Whether to receive message attributes. */
  readonly withAttributes?: boolean;
}

export interface QueueFlags {
  readonly queue?: string | undefined;
  readonly endpointUrl?: string;
  readonly region?: string;
  readonly sqsProtocol?: string;
}

/** The queue's name, from its name, URL or ARN; undefined if the URL contains none. */
export function queueNameOf(queue: string): string | undefined {
  const arn = queueArnOf(queue);
  if (arn !== undefined) return arn.name;
  return queue.includes("/") ? /^https?:\/\/[^/]+\/(?:.*\/)?([^/?#]+)\/?$/.exec(queue)?.[1] : queue;
}

/** The same, but undefined for an invalid name, which may be another value, set by mistake. */
export function queueNameToShow(queue: string): string | undefined {
  const name = queueNameOf(queue);
  return name !== undefined && NAME.test(name) ? name : undefined;
}

const NAME = /^[A-Za-z0-9_-]{1,80}(\.fifo)?$/;

export const DEFAULT_QUEUE = "login-queue";

/** A part of a host name. */
const REGION = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
/** The characters of AWS keys and tokens that an HTTP header may contain. */
const CREDENTIAL = /^[!#-&(-~]+$/;
const CREDENTIALS = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/** Reads the queue's settings; mistakes are added to `problems`. */
export function readQueue(
  flags: QueueFlags,
  env: NodeJS.ProcessEnv,
  maxSockets: number,
  problems: Problems,
): SqsSettings {
  const protocol = flags.sqsProtocol?.trim() ?? "auto";
  const known = oneOf(protocol, "--sqs-protocol", SQS_PROTOCOLS, problems);
  const fromEnvironment = endpointIn(env);
  const endpointUrl = flags.endpointUrl?.trim() ?? fromEnvironment;
  if (endpointUrl !== undefined && !isHttpUrl(endpointUrl)) {
    problems.add(
      "--endpoint-url / AWS_ENDPOINT_URL_SQS is not a URL. Write it as http://localhost:4566, or omit it to use AWS.",
    );
  }
  const queue = flags.queue?.trim() ?? DEFAULT_QUEUE;
  const arn = queueArnOf(queue);
  if (arn === undefined && (queue.includes("://") ? !isHttpUrl(queue) : !NAME.test(queue))) {
    problems.add(
      "--queue / FETCH_ETL_QUEUE is not a queue name (letters, digits, - and _), URL (http://… or https://…) " +
        "or ARN (arn:aws:sqs:region:account:name).",
    );
  }
  const region = flags.region?.trim();
  checkRegion(region, settingOf("--region"), problems);
  checkRegion(nonEmpty(env["AWS_REGION"]), "AWS_REGION", problems);
  checkCredentials(env, problems);
  if (arn !== undefined && region !== undefined && region !== arn.region) {
    problems.add(
      `${settingOf("--region")} is not ${arn.region}, the region of the ARN in --queue / FETCH_ETL_QUEUE. Omit it.`,
    );
  }
  const isFromEnvironment = flags.endpointUrl === undefined && fromEnvironment !== undefined;
  return {
    ...{ queue, endpointUrl, region, protocol: known ?? "auto", maxSockets },
    ...(isFromEnvironment ? { endpointFromEnvironment: true } : {}),
  };
}

/** As the SDK reads it. */
function endpointIn(env: NodeJS.ProcessEnv): string | undefined {
  if (env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]?.trim() === "true") return undefined;
  return nonEmpty(env["AWS_ENDPOINT_URL_SQS"]) ?? nonEmpty(env["AWS_ENDPOINT_URL"]);
}

function checkRegion(region: string | undefined, setting: string, problems: Problems): void {
  if (region === undefined || REGION.test(region)) return;
  problems.add(`${setting} is not a region name. Write it as us-east-1, without quotes.`);
}

/** Without this check, the SDK fails at the first request with an error that names no setting. */
function checkCredentials(env: NodeJS.ProcessEnv, problems: Problems): void {
  for (const name of CREDENTIALS) {
    const value = nonEmpty(env[name]);
    if (value === undefined || CREDENTIAL.test(value)) continue;
    problems.add(
      `${name} contains a blank, a line ending, a quote or another character that AWS keys do not contain. Copy it again.`,
    );
  }
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function nonEmpty(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed === "" ? undefined : trimmed;
}

/** `arn:aws:sqs:region:account:name`, in any AWS partition. */
export interface QueueArn {
  readonly region: string;
  /** Twelve digits. */
  readonly account: string;
  readonly name: string;
}

const ARN =
  /^arn:aws(?:-[a-z]+)*:sqs:(?<region>[a-z0-9-]+):(?<account>\d{12}):(?<name>[A-Za-z0-9_-]{1,80}(?:\.fifo)?)$/;

/** @returns undefined if the text is not a queue ARN */
export function queueArnOf(text: string): QueueArn | undefined {
  const { region, account, name } = ARN.exec(text)?.groups ?? {};
  return region === undefined || account === undefined || name === undefined
    ? undefined
    : { region, account, name };
}

/** The ARN or the name; undefined for all queues, and after a mistake, which is added to `problems`. */
export function readHeldQueue(flag: string | undefined, problems: Problems): string | undefined {
  if (flag === undefined || queueArnOf(flag) !== undefined) return flag;
  const name = queueNameToShow(flag);
  if (name === undefined) problems.add("--queue is not a queue name, URL or ARN.");
  return name;
}
