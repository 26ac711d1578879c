// SQS on its worst days: a proxy between it and the drain plays them.
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { json, makeTables, withBench, type Bench, type Outcome } from "../support/bench.ts";
import { failedDeletes, sqsError, startProxy, type Call, type Fault, type Proxy } from "../support/proxy.ts";
import { ended, expectEachOnce, makeMessages, times, type Sent } from "./invariant.ts";

const it = test.concurrent;
/** Short where a test has to wait for it to run out; elsewhere long enough for a slow machine. */
const SHORT = 3;
const LONG = times(60, 15);
const MESSAGES = times(1_000, 200);

type Faults = (call: Call) => Fault | undefined;

/** One drain under faults, then the invariant without them. */
function underFaults(
  faults: Faults,
  check: (outcome: Outcome, bench: Bench, proxy: Proxy) => void | Promise<void>,
  { args = [], visibilityTimeout = LONG }: { args?: readonly string[]; visibilityTimeout?: number } = {},
): Promise<void> {
  return withBench(
    async (bench) => {
      const sent: Sent = makeMessages(MESSAGES);
      await bench.send(sent.bodies);
      const proxy = await startProxy(bench.sqs.endpoint, faults);
      try {
        const outcome = bench.run(["drain", "--json", ...args], { AWS_ENDPOINT_URL_SQS: proxy.endpoint });
        await check(await ended(bench, sent, outcome), bench, proxy);
      } finally {
        await proxy.stop();
      }
      await expectEachOnce(bench, sent, visibilityTimeout);
    },
    { VisibilityTimeout: String(visibilityTimeout) },
  );
}

/** A fault for every so-many-eth call of an action. */
function every(n: number, action: string | undefined, fault: Fault): Faults {
  return (call) =>
    (action === undefined || call.action === action) && call.nth % n === 0 ? fault : undefined;
}

const everything = MESSAGES + Math.max(1, Math.floor(MESSAGES / 100));

it.for<[string, Faults]>([
  ["answers that come late", every(3, undefined, { kind: "late", ms: 150 })],
  ["connections that are dropped", every(4, undefined, { kind: "dropped" })],
  ["an error 500 now and then", every(5, undefined, sqsError("InternalFailure", 500))],
  ["an error 503 now and then", every(5, undefined, sqsError("ServiceUnavailable", 503))],
  ["throttling (RequestThrottled)", every(3, undefined, sqsError("RequestThrottled", 403))],
  ["throttling (ThrottlingException)", every(3, undefined, sqsError("ThrottlingException", 400))],
])("%s: loads everything all the same", ([, faults]) =>
  underFaults(faults, (outcome) => {
    expect(outcome.code).toBe(0);
    expect(json(outcome)).toMatchObject({ loaded: MESSAGES, stoppedBy: "empty", deleted: everything });
  }),
);

it("too many messages in flight (OverLimit) on every other receive: fewer receives, no error", () =>
  underFaults(every(2, "ReceiveMessage", sqsError("OverLimit", 403)), (outcome) => {
    expect(outcome.code).toBe(0);
    expect(json(outcome)).toMatchObject({ loaded: MESSAGES, deleted: everything });
  }));

it.for<[string, Fault]>([
  ["a receive whose answer is lost", { kind: "answer lost" }],
  ["a receive whose answer is cut in half", { kind: "answer cut" }],
])("%s hides its messages for a while, and loses none", ([, fault]) =>
  underFaults(
    every(4, "ReceiveMessage", fault),
    (outcome) => {
      expect(outcome.code).toBe(0);
    },
    { visibilityTimeout: SHORT },
  ),
);

it.for<[string, Fault]>([
  ["a delete whose answer is lost", { kind: "answer lost" }],
  ["a delete whose answer is cut in half", { kind: "answer cut" }],
])("%s is asked for again", ([, fault]) =>
  underFaults(every(3, "DeleteMessageBatch", fault), (outcome) => {
    expect(outcome.code).toBe(0);
  }),
);

it("receives that come back empty while messages wait do not end the run", () =>
  underFaults(
    ({ action, nth }) =>
      action === "ReceiveMessage" && nth > 3 && nth <= 8
        ? { kind: "answered", status: 200, body: '{"Messages":[]}' }
        : undefined,
    (outcome) => {
      expect(json(outcome)).toMatchObject({ received: everything, loaded: MESSAGES, stoppedBy: "empty" });
    },
  ));

interface Received {
  Messages?: { MessageId: string; ReceiptHandle: string }[];
}

it("the same message twice in one receive is loaded once", () =>
  underFaults(
    ({ action }) =>
      action === "ReceiveMessage"
        ? {
            kind: "changed",
            change: ({ Messages = [] }: Received) => ({ Messages: [...Messages, ...Messages] }),
          }
        : undefined,
    (outcome) => {
      expect(json(outcome)).toMatchObject({ loaded: MESSAGES, duplicates: everything, deleted: everything });
    },
  ));

it("the same messages in two receives are loaded once, and deleted by the newer handle", () => {
  let first: Received["Messages"] = [];
  const deleted: string[] = [];
  return underFaults(
    ({ action, nth, body }) => {
      if (action === "DeleteMessageBatch") deleted.push(body);
      if (action !== "ReceiveMessage" || nth > 2) return undefined;
      return {
        kind: "changed",
        change: ({ Messages = [] }: Received) => {
          if (nth === 1) first = Messages;
          const again = (first ?? []).map((message) => ({
            ...message,
            ReceiptHandle: `${message.ReceiptHandle}-newer`,
          }));
          return { Messages: nth === 1 ? Messages : [...Messages, ...again] };
        },
      };
    },
    (outcome) => {
      expect(json(outcome)).toMatchObject({ loaded: MESSAGES });
      expect(Number(json(outcome)["duplicates"])).toBeGreaterThan(0);
      expect(deleted.join("")).toContain("-newer");
    },
  );
});

it("deletes that fail through no fault of ours are asked for again", () =>
  underFaults(
    (call) =>
      call.action === "DeleteMessageBatch" && call.nth % 3 !== 0
        ? failedDeletes(call, "InternalError", false)
        : undefined,
    (outcome) => {
      expect(json(outcome)).toMatchObject({ loaded: MESSAGES, deleted: everything });
    },
  ));

it("a delete that fails as our fault is not asked for again; the message comes once more and is deleted then", () =>
  underFaults(
    (call) =>
      call.action === "DeleteMessageBatch" && call.nth <= 2
        ? failedDeletes(call, "ReceiptHandleIsInvalid", true)
        : undefined,
    (outcome) => {
      expect(outcome.code).toBe(0);
      expect(json(outcome)).toMatchObject({ loaded: MESSAGES });
    },
    { visibilityTimeout: SHORT },
  ));

it("visibility that runs out while a batch is being written: nothing doubles, and no old handle deletes", () =>
  withBench(
    async (bench) => {
      const sent = makeMessages(100);
      await makeTables(bench);
      await bench.send(sent.bodies);
      const haveRunOut = async (): Promise<boolean> => {
        const { messages } = await bench.sqs.inspect(bench.queue);
        return messages.every(
          ({ state, receiveCount }) => receiveCount > 1 || (receiveCount === 1 && state === "ready"),
        );
      };
      // No extension gets through, and the table is locked for longer than the messages are hidden.
      const refuse = (call: Call): Fault | undefined =>
        call.action === "ChangeMessageVisibilityBatch" ? sqsError("InternalFailure", 500) : undefined;
      const proxy = await startProxy(bench.sqs.endpoint, refuse);
      const { outcome } = await bench.sql.begin(async (tx) => {
        await tx`lock table public.user_logins in access exclusive mode`;
        const drained = bench.run(["drain", "--json"], { AWS_ENDPOINT_URL_SQS: proxy.endpoint });
        while (!(await haveRunOut())) await setTimeout(20);
        // Wrapped, so that the lock is not held until the drain has ended.
        return { outcome: drained };
      });
      const result = await outcome;
      expect(result.code).toBe(0);
      expect(json(result)).toMatchObject({ loaded: 100, quarantined: 1 });
      await proxy.stop();
      await expectEachOnce(bench, sent, 2);
    },
    { VisibilityTimeout: "2" },
  ));

it("credentials that expire in the middle: what is committed stays, exit 5", () =>
  underFaults(
    ({ action, nth }) => (action === "ReceiveMessage" && nth > 5 ? sqsError("ExpiredToken", 403) : undefined),
    (outcome) => {
      expect(outcome.code).toBe(5);
      expect(outcome.stderr).toMatch(/credentials have expired/);
      expect(outcome.stdout).toBe("");
    },
    { args: ["--retry-for", "1"], visibilityTimeout: SHORT },
  ));

it("SQS that goes away in the middle: exit 5", () =>
  underFaults(
    ({ nth }) => (nth > 6 ? { kind: "dropped" } : undefined),
    (outcome) => {
      expect(outcome.code).toBe(5);
      expect(outcome.stderr).toMatch(/is unreachable/);
    },
    { args: ["--retry-for", "1"], visibilityTimeout: SHORT },
  ));

it("throttling without end: gives up after --retry-for, exit 5", () =>
  underFaults(
    ({ action, nth }) =>
      action === "ReceiveMessage" && nth > 4 ? sqsError("RequestThrottled", 403) : undefined,
    (outcome) => {
      expect(outcome.code).toBe(5);
      expect(outcome.stderr).toMatch(/throttling requests/);
    },
    { args: ["--retry-for", "1"], visibilityTimeout: SHORT },
  ));
