import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startSqs } from "../../sandbox/sqs.ts";
import { QUEUE_CHECKS, type Check } from "../../src/doctor/check.ts";
import type { SqsSettings } from "../../src/config/queue.ts";
import { checkQueue } from "../../src/sqs/doctor.ts";
import { sqsError, startProxy, type Call, type Fault } from "../support/proxy.ts";
import { startQueryServer } from "../support/query-server.ts";
import { closedEndpoint, settings, stubAwsEnvironment } from "./servers.ts";

beforeEach(stubAwsEnvironment);
afterEach(() => vi.unstubAllEnvs());

const RIGHTS = [
  ["receive right", "ReceiveMessage"],
  ["delete right", "DeleteMessageBatch"],
  ["visibility right", "ChangeMessageVisibilityBatch"],
] as const;
const BODIES = ["one", "two", "three"];

/** The findings by name, and that each check is told once, in its place. */
async function examine(
  given: Partial<SqsSettings>,
  now: () => number = Date.now,
): Promise<Readonly<Record<string, Check>>> {
  const checks = await checkQueue(settings(given), now);
  expect(checks.map(({ name }) => name)).toEqual(QUEUE_CHECKS);
  return Object.fromEntries(checks.map((check) => [check.name, check]));
}

function statuses(checks: Readonly<Record<string, Check>>): Record<string, string> {
  return Object.fromEntries(Object.entries(checks).map(([name, { status }]) => [name, status]));
}

const ALL_OK = Object.fromEntries(QUEUE_CHECKS.map((name) => [name, "ok"]));

/** A queue with three messages behind a proxy, and that none of them was received, hidden or deleted. */
async function withQueue(
  faultOf: (call: Call) => Fault | undefined,
  use: (endpointUrl: string) => Promise<void>,
  attributes: Readonly<Record<string, string>> = {},
): Promise<void> {
  const sqs = await startSqs();
  const proxy = await startProxy(sqs.endpoint, faultOf);
  try {
    await sqs.send(await sqs.createQueue("login-queue", attributes), BODIES);
    await use(proxy.endpoint);
    const { messages, ready } = await sqs.inspect("login-queue");
    expect(ready).toBe(BODIES.length);
    expect(messages.map(({ receiveCount }) => receiveCount)).toEqual(BODIES.map(() => 0));
  } finally {
    await proxy.stop();
    await sqs.stop();
  }
}

it("finds everything right, and leaves every message as it is", () =>
  withQueue(
    () => undefined,
    async (endpointUrl) => {
      const checks = await examine({ endpointUrl });
      expect(statuses(checks)).toEqual(ALL_OK);
      expect(checks["queue"]?.finding).toBe(
        `login-queue at ${endpointUrl}, JSON protocol, 3 visible, 0 in flight, 0 delayed, visibility timeout 45 s, retention 12 h`,
      );
      expect(checks["redrive policy"]?.finding).toBe("none");
    },
    { VisibilityTimeout: "45", MessageRetentionPeriod: "43200" },
  ));

describe("in the query protocol", () => {
  const IN_QUERY = { ...ALL_OK, "receive right": "skipped" };

  it("finds everything right, and leaves every message as it is", async () => {
    const server = await startQueryServer();
    try {
      server.send(BODIES);
      const checks = await examine({ endpointUrl: server.endpoint });
      expect(statuses(checks)).toEqual(IN_QUERY);
      expect(checks["queue"]?.finding).toContain("query protocol, 3 visible");
      expect(server.counts()).toEqual({ visible: 3, inFlight: 0, delayed: 0 });
      // A server of that time may take any number for a valid one.
      expect(server.requests.map(({ action }) => action)).not.toContain("ReceiveMessage");
    } finally {
      await server.stop();
    }
  });

  it.each(RIGHTS.slice(1))("misses the %s", async (name, action) => {
    const server = await startQueryServer();
    try {
      server.refuse(action, 403, "AccessDenied");
      const checks = await examine({ endpointUrl: server.endpoint });
      expect(statuses(checks)).toEqual({ ...IN_QUERY, [name]: "failed" });
    } finally {
      await server.stop();
    }
  });
});

describe.each(RIGHTS)("the %s", (name, action) => {
  const only =
    (fault: Fault) =>
    (call: Call): Fault | undefined =>
      call.action === action ? fault : undefined;

  it.each([
    ["denied", sqsError("AccessDenied", 403)],
    ["denied in JSON's way", sqsError("AccessDeniedException", 400)],
    ["refused without a code", { kind: "answered", status: 403, body: "{}" }],
  ] as const)("is missing where it is %s, and the way out names it", (_how, fault) =>
    withQueue(only(fault), async (endpointUrl) => {
      const checks = await examine({ endpointUrl });
      expect(statuses(checks)).toEqual({ ...ALL_OK, [name]: "failed" });
      const right = `sqs:${action.replace("Batch", "")}`;
      expect(checks[name]).toMatchObject({
        finding: "missing",
        kind: "configuration",
        wayOut: expect.stringContaining(`are not authorized to call ${right} on queue "login-queue"`),
      });
    }),
  );

  // AWS, LocalStack 4.14 and moto, ElasticMQ, and what others might say.
  it.each([
    ...["InvalidParameterValue", "ReadCountOutOfRange", "ReceiptHandleIsInvalid"],
    ...["InvalidAttributeValue", "ValidationError", "MalformedInput", "SomethingElse"],
  ])("is there where SQS finds fault with what was asked: %s", (code) =>
    withQueue(only(sqsError(code)), async (endpointUrl) => {
      const checks = await examine({ endpointUrl });
      expect(checks[name]).toMatchObject({ status: "ok", finding: "permitted, as far as SQS tells" });
    }),
  );

  it.each([
    ["asks for fewer calls", sqsError("RequestThrottled")],
    ["has a fault of its own", sqsError("InternalError", 500)],
    ["goes away", { kind: "dropped" }],
  ] as const)("is not found out where SQS %s, which is worth a retry", (_how, fault) =>
    withQueue(only(fault), async (endpointUrl) => {
      const checks = await examine({ endpointUrl });
      expect(checks[name]).toMatchObject({ status: "failed", finding: "unknown", kind: "unavailable" });
    }),
  );
});

it.each(RIGHTS.slice(1))("the %s is missing where the entry alone is denied", (name, action) =>
  withQueue(
    (call) =>
      call.action === action
        ? {
            kind: "answered",
            status: 200,
            body: JSON.stringify({
              Successful: [],
              Failed: [{ Id: "0", Code: "AccessDenied", SenderFault: true }],
            }),
          }
        : undefined,
    async (endpointUrl) => {
      expect((await examine({ endpointUrl }))[name]).toMatchObject({ status: "failed", finding: "missing" });
    },
  ),
);

it("the receive right is there where a lenient server hands out messages", () =>
  withQueue(
    ({ action }) =>
      action === "ReceiveMessage"
        ? {
            kind: "answered",
            status: 200,
            body: JSON.stringify({
              Messages: [{ MessageId: "m", ReceiptHandle: "h", Body: "b", MD5OfBody: "m" }],
            }),
          }
        : undefined,
    async (endpointUrl) => {
      expect((await examine({ endpointUrl }))["receive right"]).toMatchObject({
        status: "ok",
        finding: "permitted: the server returned messages and hid none",
      });
    },
  ));

it("goes on to the rights where the queue may not be asked about itself", () =>
  withQueue(
    ({ action }) => (action === "GetQueueAttributes" ? sqsError("AccessDenied", 403) : undefined),
    async (endpointUrl) => {
      const checks = await examine({ endpointUrl });
      expect(statuses(checks)).toEqual({ ...ALL_OK, queue: "failed", "redrive policy": "skipped" });
      expect(checks["queue"]).toMatchObject({ wayOut: expect.stringContaining("sqs:GetQueueAttributes") });
    },
  ));

it.each([
  ["1", "warning"],
  ["2", "warning"],
  ["3", "ok"],
])("a redrive policy with a maxReceiveCount of %s: %s", async (most, status) => {
  const server = await startQueryServer({ maxReceiveCount: Number(most) });
  try {
    const checks = await examine({ endpointUrl: server.endpoint });
    expect(checks["redrive policy"]).toMatchObject({ status, finding: `maxReceiveCount ${most}` });
  } finally {
    await server.stop();
  }
});

it.each([
  ["agrees", 0, "ok"],
  ["is five minutes ahead", 300_000, "warning"],
  ["is 20 minutes behind", -1_200_000, "failed"],
])("this machine's clock %s", (_how, offset, status) =>
  withQueue(
    () => undefined,
    async (endpointUrl) => {
      const checks = await examine({ endpointUrl }, () => Date.now() + offset);
      expect(statuses(checks)).toEqual({ ...ALL_OK, "SQS clock": status });
    },
  ),
);

it("tells the clock also where SQS refuses the queue for it", () =>
  withQueue(
    ({ action }) => (action === "GetQueueUrl" ? sqsError("RequestTimeTooSkewed", 403) : undefined),
    async (endpointUrl) => {
      const checks = await examine({ endpointUrl }, () => Date.now() + 1_200_000);
      expect(checks["queue"]).toMatchObject({ status: "failed", kind: "configuration" });
      expect(checks["SQS clock"]).toMatchObject({
        status: "failed",
        finding: "this machine's clock is 20 min ahead",
      });
    },
  ));

describe("credentials", () => {
  it.each([
    [60, "ok", "found; they expire in 59 minutes"],
    [10, "warning", "found; they expire in 9 minutes"],
    [-1, "failed", "expired"],
  ])("that expire in %i minutes", async (minutes, status, finding) => {
    const now = Date.now();
    vi.stubEnv("AWS_SESSION_TOKEN", "token");
    vi.stubEnv("AWS_CREDENTIAL_EXPIRATION", new Date(now + minutes * 60_000 - 1).toISOString());
    const checks = await examine({ endpointUrl: await closedEndpoint() }, () => now);
    expect(checks["credentials"]).toMatchObject({ status, finding });
  });

  it("that are missing keep the rest from being checked", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", undefined);
    const checks = await examine({ endpointUrl: await closedEndpoint() });
    expect(checks["credentials"]).toMatchObject({ status: "failed", kind: "configuration" });
    expect(new Set(Object.values(statuses(checks)))).toEqual(new Set(["failed", "skipped"]));
  });
});

it("a queue URL and a region that contradict each other", async () => {
  const checks = await examine({
    queue: "https://sqs.eu-west-1.amazonaws.com/000000000000/login-queue",
    region: "us-east-1",
  });
  expect(checks["queue"]).toMatchObject({ status: "failed", kind: "configuration" });
});

it("a server that is away is worth a retry", async () => {
  const checks = await examine({ endpointUrl: await closedEndpoint() });
  expect(checks["queue"]).toMatchObject({ status: "failed", finding: "not reached", kind: "unavailable" });
  expect(checks["receive right"]).toMatchObject({ status: "skipped", finding: "not checked: see queue" });
});
