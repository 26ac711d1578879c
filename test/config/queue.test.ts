import { describe, expect, it } from "vitest";
import { queueNameToShow, readQueue, type QueueFlags } from "../../src/config/queue.ts";
import { reading } from "./told.ts";

const read = (flags: QueueFlags, env: NodeJS.ProcessEnv = {}) =>
  reading((problems) => readQueue(flags, env, 7, problems));

const defaults = {
  queue: "login-queue",
  endpointUrl: undefined,
  region: undefined,
  protocol: "auto",
  maxSockets: 7,
};

describe("the queue's settings", () => {
  it("are these when nothing is said", () => {
    expect(read({})).toEqual({ value: defaults, told: [] });
  });

  it.each<[string, QueueFlags, NodeJS.ProcessEnv, object]>([
    [
      "a URL for the queue",
      { queue: "http://localhost:4566/0/q" },
      {},
      { queue: "http://localhost:4566/0/q" },
    ],
    [
      "an ARN for the queue",
      { queue: "arn:aws:sqs:us-east-1:123456789012:q" },
      {},
      { queue: "arn:aws:sqs:us-east-1:123456789012:q" },
    ],
    [
      "an ARN, and the region that it says, from the flag",
      { region: "cn-north-1", queue: "arn:aws-cn:sqs:cn-north-1:123456789012:q.fifo" },
      {},
      { queue: "arn:aws-cn:sqs:cn-north-1:123456789012:q.fifo", region: "cn-north-1" },
    ],
    ["a FIFO queue's name", { queue: "logins.fifo" }, {}, { queue: "logins.fifo" }],
    ["a name of 80 characters", { queue: "q".repeat(80) }, {}, { queue: "q".repeat(80) }],
    [
      "the endpoint from the environment",
      {},
      { AWS_ENDPOINT_URL: "http://all:1" },
      { endpointUrl: "http://all:1", endpointFromEnvironment: true },
    ],
    [
      "the endpoint of SQS before that of all services",
      {},
      { AWS_ENDPOINT_URL: "http://all:1", AWS_ENDPOINT_URL_SQS: "http://sqs:2" },
      { endpointUrl: "http://sqs:2", endpointFromEnvironment: true },
    ],
    [
      "no endpoint from the environment where that is to be ignored",
      {},
      { AWS_ENDPOINT_URL: "http://all:1", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" },
      { endpointUrl: undefined },
    ],
    [
      "the endpoint from its flag all the same",
      { endpointUrl: "http://flag:3" },
      { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" },
      { endpointUrl: "http://flag:3" },
    ],
    [
      "flags without the blanks and line ends around them",
      { queue: " q\n", region: "eu-west-1\n", endpointUrl: " http://flag:3 ", sqsProtocol: "json\r\n" },
      {},
      { queue: "q", region: "eu-west-1", endpointUrl: "http://flag:3", protocol: "json" },
    ],
    [
      "variables without the blanks and line ends around them",
      {},
      {
        AWS_ENDPOINT_URL_SQS: "http://sqs:2\n",
        AWS_REGION: "us-east-1\n",
        AWS_ACCESS_KEY_ID: "AKID\n",
      },
      { endpointUrl: "http://sqs:2", endpointFromEnvironment: true },
    ],
    [
      "the endpoint from its flag first",
      { endpointUrl: "https://flag:3" },
      { AWS_ENDPOINT_URL: "http://all:1", AWS_ENDPOINT_URL_SQS: "http://sqs:2" },
      { endpointUrl: "https://flag:3" },
    ],
    [
      "the SDK's endpoint for empty variables",
      {},
      { AWS_ENDPOINT_URL: "", AWS_ENDPOINT_URL_SQS: "" },
      { endpointUrl: undefined },
    ],
    ["the region from its flag", { region: "eu-west-1" }, {}, { region: "eu-west-1" }],
    [
      "no region from the environment, which the SDK reads itself",
      {},
      { AWS_REGION: "eu-west-1" },
      { region: undefined },
    ],
    ["the protocol", { sqsProtocol: "json" }, {}, { protocol: "json" }],
  ])("take %s", (_what, flags, env, expected) => {
    expect(read(flags, env)).toEqual({ value: { ...defaults, ...expected }, told: [] });
  });
});

const badQueue =
  "--queue / FETCH_ETL_QUEUE is not a queue name (letters, digits, - and _), URL (http://… or https://…) or ARN (arn:aws:sqs:region:account:name).";
const badEndpoint =
  "--endpoint-url / AWS_ENDPOINT_URL_SQS is not a URL. Write it as http://localhost:4566, or omit it to use AWS.";
const badRegion = (setting: string): string =>
  `${setting} is not a region name. Write it as us-east-1, without quotes.`;
const badProtocol = "--sqs-protocol / FETCH_ETL_SQS_PROTOCOL must be one of: auto, json, query.";

describe("a mistake is told:", () => {
  it.each<[string, QueueFlags, NodeJS.ProcessEnv, string]>([
    ["an empty queue", { queue: "" }, {}, badQueue],
    ["a region of a hyphen", {}, { AWS_REGION: "-" }, badRegion("AWS_REGION")],
    ["a region of 64 characters", {}, { AWS_REGION: "r".repeat(64) }, badRegion("AWS_REGION")],
    ["a queue's name with a blank", { queue: "login queue" }, {}, badQueue],
    ["a queue's name with a dot", { queue: "login.queue" }, {}, badQueue],
    ["a queue's name with a slash", { queue: "000000000000/login-queue" }, {}, badQueue],
    ["a queue's name of 81 characters", { queue: "q".repeat(81) }, {}, badQueue],
    ["an ARN of another service", { queue: "arn:aws:sns:us-east-1:000000000000:login-queue" }, {}, badQueue],
    ["an ARN without an account", { queue: "arn:aws:sqs:us-east-1::login-queue" }, {}, badQueue],
    [
      "an ARN with a queue's name that is none",
      { queue: "arn:aws:sqs:us-east-1:000000000000:a.b" },
      {},
      badQueue,
    ],
    [
      "a region that contradicts the ARN",
      { queue: "arn:aws-us-gov:sqs:us-gov-west-1:000000000000:q", region: "us-east-1" },
      {},
      "--region / FETCH_ETL_REGION is not us-gov-west-1, the region of the ARN in --queue / FETCH_ETL_QUEUE. Omit it.",
    ],
    ["a queue's URL with another scheme", { queue: "ftp://localhost/q" }, {}, badQueue],
    ["a queue's URL without a host", { queue: "http://" }, {}, badQueue],
    ["an empty endpoint", { endpointUrl: "" }, {}, badEndpoint],
    ["an endpoint without a scheme", { endpointUrl: "localhost:4566" }, {}, badEndpoint],
    ["an endpoint that is a host", {}, { AWS_ENDPOINT_URL_SQS: "localhost" }, badEndpoint],
    ["an endpoint with another scheme", {}, { AWS_ENDPOINT_URL: "ftp://localhost" }, badEndpoint],
    ["a region in quotes", { region: '"us-east-1"' }, {}, badRegion("--region / FETCH_ETL_REGION")],
    ["an empty region", { region: "" }, {}, badRegion("--region / FETCH_ETL_REGION")],
    ["a region of two lines", {}, { AWS_REGION: "us-east-1\neu-west-1" }, badRegion("AWS_REGION")],
    ...["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].flatMap((name) =>
      ["a\nb", "a b", '"ab', "a\u00a0b", "'ab'", "a\u0000b"].map(
        (value): [string, QueueFlags, NodeJS.ProcessEnv, string] => [
          `${name}=${JSON.stringify(value)}`,
          {},
          { [name]: value },
          `${name} contains a blank, a line ending, a quote or another character that AWS keys do not contain. Copy it again.`,
        ],
      ),
    ),
    ["an unknown protocol", { sqsProtocol: "xml" }, {}, badProtocol],
    ["a protocol in capital letters", { sqsProtocol: "JSON" }, {}, badProtocol],
    ["an empty protocol", { sqsProtocol: "" }, {}, badProtocol],
  ])("%s", (_what, flags, env, sentence) => {
    expect(read(flags, env).told).toEqual([sentence]);
  });

  it("and all of them together", () => {
    expect(read({ queue: "?", endpointUrl: "?", sqsProtocol: "?" }).told.toSorted()).toEqual(
      [badQueue, badEndpoint, badProtocol].toSorted(),
    );
  });
});

it.each([
  ["login-queue", "login-queue"],
  ["http://localhost:4566/0/login-queue", "login-queue"],
  ["arn:aws:sqs:us-east-1:123456789012:logins.fifo", "logins.fifo"],
  ["arn:aws:sns:us-east-1:123456789012:logins", undefined],
])("the name to show of %s is %s", (queue, name) => {
  expect(queueNameToShow(queue)).toBe(name);
});
