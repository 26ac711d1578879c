import { describe, expect, it } from "vitest";
import { printableUrl } from "../../src/aws/errors.ts";
import { isAwsHost, targetOf } from "../../src/sqs/target.ts";
import { settings } from "./servers.ts";

const awsUrl = "https://sqs.eu-west-1.amazonaws.com/123456789012/login-queue";
const localUrl = "http://localhost:4566/000000000000/login-queue";

describe("the target", () => {
  it("of a name is that name, at the endpoint and in the region that are set", () => {
    expect(
      targetOf(settings({ endpointUrl: "http://localhost:4566", region: "eu-west-1" }), undefined),
    ).toEqual({
      queueName: "login-queue",
      queueUrl: undefined,
      queueOwner: undefined,
      endpoint: "http://localhost:4566",
      endpointSetting: "--endpoint-url / AWS_ENDPOINT_URL_SQS",
      region: "eu-west-1",
    });
  });

  it.each([awsUrl, localUrl, `${localUrl}/`])("takes the queue's name from the URL %s", (queue) => {
    expect(targetOf(settings({ queue }), undefined)).toMatchObject({
      queueName: "login-queue",
      queueUrl: queue,
    });
  });

  it.each([
    [awsUrl, "eu-west-1"],
    ["https://sqs.cn-north-1.amazonaws.com.cn/1/q", "cn-north-1"],
    ["https://eu-west-1.queue.amazonaws.com/1/q", "eu-west-1"],
  ])("takes the region from %s and leaves the endpoint to the SDK", (queue, region) => {
    expect(targetOf(settings({ queue }), undefined)).toMatchObject({ region, endpoint: undefined });
  });

  it.each([
    ["arn:aws:sqs:eu-west-1:123456789012:logins", "eu-west-1", "logins"],
    ["arn:aws-cn:sqs:cn-north-1:123456789012:logins.fifo", "cn-north-1", "logins.fifo"],
    ["arn:aws-us-gov:sqs:us-gov-west-1:123456789012:logins", "us-gov-west-1", "logins"],
  ])("takes region, account and name from %s", (queue, region, queueName) => {
    const target = { queueName, queueUrl: undefined, queueOwner: "123456789012", region };
    expect(targetOf(settings({ queue }), undefined)).toMatchObject({ ...target, endpoint: undefined });
    const endpointUrl = "http://127.0.0.1:9324";
    expect(targetOf(settings({ queue, endpointUrl }), undefined)).toMatchObject({
      ...target,
      endpoint: endpointUrl,
    });
  });

  it.each([
    ["https://sqs-fips.us-east-2.amazonaws.com/1/q", "us-east-2"],
    ["https://vpce-1a2b.sqs.us-east-2.vpce.amazonaws.com/1/q", "us-east-2"],
    ["https://sqs.us-east-2.api.aws/1/q", "us-east-2"],
    ["https://sqs.eusc-de-east-1.amazonaws.eu/1/q", "eusc-de-east-1"],
    ["https://sqs.us-iso-east-1.c2s.ic.gov/1/q", "us-iso-east-1"],
    ["https://sqs.us-isob-east-1.sc2s.sgov.gov/1/q", "us-isob-east-1"],
    ["https://sqs.cn-north-1.api.amazonwebservices.com.cn/1/q", "cn-north-1"],
  ])("keeps the special host of %s, and takes its region", (queue, region) => {
    expect(targetOf(settings({ queue }), undefined)).toMatchObject({
      region,
      endpoint: new URL(queue).origin,
    });
  });

  it("of a URL that is not AWS's is that host, where no endpoint is set", () => {
    expect(targetOf(settings({ queue: localUrl }), undefined)).toMatchObject({
      endpoint: "http://localhost:4566",
      endpointSetting: "--queue / FETCH_ETL_QUEUE",
      region: undefined,
    });
  });

  it.each([awsUrl, localUrl])("is at the endpoint that is set, not at the host of %s", (queue) => {
    const endpointUrl = "http://127.0.0.1:9324";
    expect(targetOf(settings({ queue, endpointUrl }), undefined).endpoint).toBe(endpointUrl);
    expect(targetOf(settings({ queue }), endpointUrl).endpoint).toBe(endpointUrl);
  });

  it("takes the region from a URL also where the endpoint is another one of AWS's", () => {
    const endpointUrl = "https://vpce-1a2b.sqs.eu-west-1.vpce.amazonaws.com";
    expect(targetOf(settings({ queue: awsUrl, endpointUrl }), undefined)).toMatchObject({
      ...{ endpoint: endpointUrl, region: "eu-west-1", queueOwner: "123456789012" },
    });
    const contradicting = settings({ queue: awsUrl, endpointUrl, region: "us-east-1" });
    expect(() => targetOf(contradicting, undefined)).toThrow(/^--region is us-east-1/);
  });

  it("needs no more of a queue URL than the name at its end, where the endpoint is set", () => {
    const queue = "http://sqs.us-east-1.127.0.0.1:4566/000000000000/login-queue";
    expect(URL.canParse(queue)).toBe(false);
    const endpointUrl = "http://127.0.0.1:4566";
    expect(targetOf(settings({ queue, endpointUrl }), undefined)).toMatchObject({ queueName: "login-queue" });
    expect(() => targetOf(settings({ queue }), undefined)).toThrow(/^--queue/);
  });

  it("is at the endpoint of the flag rather than at that of the AWS configuration file", () => {
    const { endpoint } = targetOf(settings({ endpointUrl: "http://127.0.0.1:1" }), "http://127.0.0.1:2");
    expect(endpoint).toBe("http://127.0.0.1:1");
  });

  it.each([
    [{ endpointUrl: "localhost:4566" }, "--endpoint-url / AWS_ENDPOINT_URL_SQS is not a URL"],
    [{ endpointUrl: "ftp://localhost" }, "--endpoint-url / AWS_ENDPOINT_URL_SQS is not a URL"],
    [{ queue: "localhost:4566/0/login-queue" }, "--queue / FETCH_ETL_QUEUE is not a queue name"],
    [{ queue: "http://localhost:4566/" }, "--queue / FETCH_ETL_QUEUE is not a queue name"],
    [{ queue: "https://" }, "--queue / FETCH_ETL_QUEUE is not a queue name"],
    [{ queue: awsUrl, region: "us-east-1" }, "--region is us-east-1, but the URL in --queue"],
  ])("refuses %j", (given, sentence) => {
    expect(() => targetOf(settings(given), undefined)).toThrow(
      expect.objectContaining({
        kind: "configuration",
        message: expect.stringContaining(sentence) as string,
      }),
    );
  });

  it("names the AWS configuration file when the URL in there is none", () => {
    expect(() => targetOf(settings({}), "nonsense")).toThrow(/^endpoint_url in the AWS configuration file/);
  });
});

it.each([
  ["https://sqs.eu-west-1.amazonaws.com", true],
  ["https://sqs.us-east-2.api.aws", true],
  ["http://localhost:4566", false],
  ["https://amazonaws.com.example.org", false],
])("%s is a host of AWS: %s", (url, expected) => {
  expect(isAwsHost(url)).toBe(expected);
});

it("prints a URL without user, password and query", () => {
  expect(printableUrl("http://me:secret@localhost:4566/sqs?token=secret")).toBe("http://localhost:4566/sqs");
});
