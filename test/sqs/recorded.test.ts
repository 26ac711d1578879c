// The adapter against what other servers really answered: each file in recorded/ holds whole answers of one version of a server to the
// calls that a drain makes. None of these servers looks at rights, so that none has an answer for a missing one.
import { readdirSync, readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, it } from "vitest";
import { checkQueue } from "../../src/sqs/doctor.ts";
import { openQueue } from "../../src/sqs/open.ts";
import { deaf, settings, stubAwsEnvironment, withHttpServer } from "./servers.ts";

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** By the call's name, with what was the matter with it: `ReceiveMessage missing` is one from a queue that is not there. */
type Answers = Readonly<Record<string, Answer>>;

interface Recorded {
  readonly server: string;
  readonly json: Answers;
  readonly query: Answers;
}

const FOLDER = new URL("recorded/", import.meta.url);
const recorded = readdirSync(FOLDER).map(
  (name) => JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")) as Recorded,
);
const spoken = recorded.flatMap(({ server, json, query }) =>
  (["json", "query"] as const).flatMap((protocol) => {
    const answers = { json, query }[protocol];
    // One that does not speak a protocol has its answer to the first question in it.
    return Object.keys(answers).length > 1 ? [{ server, protocol, answers, json }] : [];
  }),
);

beforeEach(stubAwsEnvironment);

/** A server that gives recorded answers; `matter` is what is the matter with every call from then on. */
function withAnswers(
  { answers, json }: { answers: Answers; json: Answers },
  use: (server: { endpointUrl: string; matter: (what: string) => void }) => Promise<void>,
): Promise<void> {
  let matter = "";
  return withHttpServer(
    async (request, response) => {
      const target = request.headers["x-amz-target"];
      const asked = await text(request);
      const call =
        typeof target === "string"
          ? target.replace("AmazonSQS.", "")
          : (new URLSearchParams(asked).get("Action") ?? "");
      const from = typeof target === "string" ? json : answers;
      const { status, headers, body } = from[`${call}${matter}`] ?? from[call] ?? UNKNOWN;
      response.writeHead(status, headers).end(body);
    },
    (endpointUrl) =>
      use({
        endpointUrl,
        matter: (what) => {
          matter = what === "" ? "" : ` ${what}`;
        },
      }),
  );
}

const UNKNOWN: Answer = { status: 418, headers: {}, body: "not recorded" };
const NOW = { max: 10, waitSeconds: 0, visibilityTimeout: 30 };
const MISSING = {
  kind: "configuration",
  message: expect.stringContaining('has no queue "login-queue"') as string,
};

it("there are answers of three servers", () => {
  expect(spoken.map(({ server, protocol }) => `${server}, ${protocol}`)).toEqual([
    "ElasticMQ 1.6.11, json",
    "ElasticMQ 1.6.11, query",
    "LocalStack 1.3.1, query",
    "LocalStack 4.9.2, json",
    "LocalStack 4.9.2, query",
  ]);
});

describe.each(spoken)("$server in $protocol", (each) => {
  const { server, protocol } = each;
  // Both protocols are found out where nobody says which: the older one by what the server answers to JSON.
  const set = server === "LocalStack 1.3.1" || protocol === "json" ? "auto" : protocol;

  it("a drain's calls are understood, the repeated ones too", () =>
    withAnswers(each, async ({ endpointUrl, matter }) => {
      const queue = await openQueue(settings({ endpointUrl, protocol: set }), deaf);
      try {
        expect(queue).toMatchObject({ visibilityTimeout: 30, maxReceiveCount: undefined });
        expect(queue.id).toMatch(/^arn:aws:sqs:.*:000000000000:login-queue$/);
        for (let time = 0; time < 2; time += 1) {
          const [message, ...others] = await queue.receive(NOW);
          expect(others).toEqual([]);
          expect(message).toMatchObject({
            receiveCount: 1,
            body: expect.stringContaining('"ip":"192.0.2.10"'),
          });
          expect(message?.sentAt).toBeGreaterThan(Date.UTC(2026, 0));
          expect(await queue.delete(["handle"])).toEqual([]);
          expect(await queue.changeVisibility(["handle"], 60)).toEqual([]);
        }
        expect(await queue.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
        matter("empty");
        expect(await queue.receive(NOW)).toEqual([]);
        matter("invalid handle");
        const refused = [{ index: 0, code: "ReceiptHandleIsInvalid", senderFault: true }];
        expect(await queue.delete(["handle"])).toEqual(refused);
        expect(await queue.changeVisibility(["handle"], 0)).toEqual(refused);
        matter("missing");
        await expect(queue.receive(NOW)).rejects.toMatchObject(MISSING);
        await expect(queue.delete(["handle"])).rejects.toMatchObject(MISSING);
        await expect(queue.changeVisibility(["handle"], 0)).rejects.toMatchObject(MISSING);
        await expect(queue.depth()).rejects.toMatchObject(MISSING);
      } finally {
        queue.close();
      }
    }));

  it("a queue that is not there is told as that, by its name and by its URL", () =>
    withAnswers(each, async ({ endpointUrl, matter }) => {
      matter("missing");
      for (const queue of ["login-queue", `${endpointUrl}/000000000000/login-queue`])
        await expect(openQueue(settings({ queue, endpointUrl, protocol: set }), deaf)).rejects.toMatchObject(
          MISSING,
        );
    }));

  it("doctor finds the rights there", () =>
    withAnswers(each, async ({ endpointUrl, matter }) => {
      // What the probes ask for: too many messages, and a handle that no message has.
      for (const what of ["out of range", "invalid handle"]) {
        matter(what);
        const checks = await checkQueue(settings({ endpointUrl, protocol: set }), Date.now);
        expect(checks.filter(({ status }) => status === "failed")).toEqual([]);
      }
    }));
});
