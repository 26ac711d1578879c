import { createHash, createHmac } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Queue } from "../../src/drain/ports.ts";
import { openQueue } from "../../src/sqs/open.ts";
import {
  accessKeyId,
  deaf,
  secretAccessKey,
  settings,
  stubAwsEnvironment,
  withHttpServer,
} from "./servers.ts";

beforeEach(stubAwsEnvironment);

const now = { max: 10, waitSeconds: 0, visibilityTimeout: 30 };
const message = {
  MessageId: "id",
  ReceiptHandle: "handle",
  Body: "{}",
  MD5OfBody: createHash("md5").update("{}").digest("hex"),
  Attributes: { SentTimestamp: "1700000000000", ApproximateReceiveCount: "2" },
};
const received = {
  messageId: "id",
  receiptHandle: "handle",
  body: "{}",
  sentAt: 1_700_000_000_000,
  receiveCount: 2,
};
const answers: Record<string, unknown> = {
  GetQueueUrl: { QueueUrl: "http://127.0.0.1/000000000000/login-queue" },
  GetQueueAttributes: { Attributes: { VisibilityTimeout: "30" } },
  ReceiveMessage: { Messages: [message] },
  DeleteMessageBatch: { Successful: [], Failed: [{ Id: "0", Code: "InternalError", SenderFault: false }] },
};

/** One request as the server saw it. */
interface Seen {
  readonly action: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** Whether the SDK's middleware made it: it numbers its attempts. */
  readonly bySdk: boolean;
}

type Answer = (response: ServerResponse) => void;
const json =
  (value: unknown, status = 200): Answer =>
  (response) => {
    response.writeHead(status, { "content-type": "application/x-amz-json-1.0" }).end(JSON.stringify(value));
  };

/** Runs `use` on a queue of a server that answers as SQS does, or as `play` says for the receives, in turn. */
async function withQueue(
  use: (queue: Queue, seen: Seen[]) => Promise<void>,
  options: { play?: Answer[]; date?: () => Date } = {},
): Promise<void> {
  const seen: Seen[] = [];
  const play = [...(options.play ?? [])];
  await withHttpServer(
    async (request, response) => {
      const action = String(request.headers["x-amz-target"]).replace("AmazonSQS.", "");
      const { headers } = request;
      seen.push({ action, headers, body: await text(request), bySdk: "amz-sdk-request" in headers });
      if (options.date !== undefined) response.setHeader("date", options.date().toUTCString());
      const answer = action === "ReceiveMessage" ? play.shift() : undefined;
      (answer ?? json(answers[action]))(response);
    },
    async (endpointUrl) => {
      const queue = await openQueue(settings({ endpointUrl }), deaf);
      try {
        await use(queue, seen);
      } finally {
        queue.close();
      }
    },
  );
}

const receives = (seen: readonly Seen[]) => seen.filter(({ action }) => action === "ReceiveMessage");
/** Who made each receive. */
const makers = (seen: readonly Seen[]) => receives(seen).map(({ bySdk }) => (bySdk ? "sdk" : "direct"));

/** The signature that a request should have (AWS Signature Version 4, for POST on / without a query). */
function signatureOf({ headers, body }: Seen): string {
  const authorization = headers.authorization ?? "";
  const [, day = "", region = ""] =
    /Credential=[^/]+\/(\d+)\/([^/]+)\/sqs\/aws4_request/.exec(authorization) ?? [];
  const names = (/SignedHeaders=([^,]+)/.exec(authorization)?.[1] ?? "").split(";");
  const sha256 = (data: string): string => createHash("sha256").update(data).digest("hex");
  const hmac = (key: string | Buffer, data: string): Buffer =>
    createHmac("sha256", key).update(data).digest();
  const lines = names
    .map((name) => `${name}:${String(headers[name]).trim().replace(/\s+/g, " ")}\n`)
    .join("");
  const canonical = ["POST", "/", "", lines, names.join(";"), sha256(body)].join("\n");
  const scope = `${day}/${region}/sqs/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, sha256(canonical)].join("\n");
  const key = [region, "sqs", "aws4_request"].reduce(hmac, hmac(`AWS4${secretAccessKey}`, day));
  return hmac(key, toSign).toString("hex");
}

describe("a call that was made before", () => {
  it("is made without the SDK's middleware, and brings the same", async () => {
    await withQueue(async (queue, seen) => {
      for (let time = 0; time < 3; time += 1) expect(await queue.receive(now)).toEqual([received]);
      const failed = [{ index: 0, code: "InternalError", senderFault: false }];
      for (let time = 0; time < 2; time += 1) expect(await queue.delete(["handle"])).toEqual(failed);
      expect(seen.slice(2).map(({ bySdk }) => bySdk)).toEqual([true, false, false, true, false]);
      expect(queue.requests).toEqual({ receive: 3, delete: 2, other: 2 });
    });
  });

  it("waits, as the SDK's does, until its answer may be read, and says how long that is", async () => {
    const body = JSON.stringify({ Messages: [message] });
    const withLength: Answer = (response) => {
      const headers = { "content-type": "application/x-amz-json-1.0", "content-length": body.length };
      response.writeHead(200, headers).end(body);
    };
    const chunked = json({ Messages: [message] });
    await withQueue(
      async (queue, seen) => {
        const admitted: number[] = [];
        const waits = { over: false };
        const admit = async (bytes: number): Promise<void> => {
          admitted.push(bytes);
          await new Promise((resolve) => setImmediate(resolve));
          waits.over = true;
        };
        for (let time = 0; time < 3; time += 1) {
          waits.over = false;
          expect(await queue.receive({ ...now, admit })).toEqual([received]);
          expect(waits.over).toBe(true);
        }
        expect(makers(seen)).toEqual(["sdk", "direct", "direct"]);
        expect(admitted).toEqual([body.length, body.length, 1024 * 1024]);
      },
      { play: [withLength, withLength, chunked] },
    );
  });

  it("asks for the same, under a signature of its own", async () => {
    await withQueue(async (queue, seen) => {
      await queue.receive(now);
      await queue.receive({ ...now, max: 3 });
      const [first, second] = receives(seen);
      if (first === undefined || second === undefined) throw new Error("two receives");
      expect(JSON.parse(second.body)).toEqual({ ...JSON.parse(first.body), MaxNumberOfMessages: 3 });
      const perAttempt = /^(amz-sdk-|authorization|content-length|x-amz-date|x-amz-content-sha256)/;
      const lasting = ({ headers }: Seen) =>
        Object.fromEntries(Object.entries(headers).filter(([name]) => !perAttempt.test(name)));
      expect(lasting(second)).toEqual(lasting(first));
      for (const each of [first, second]) {
        expect(each.headers.authorization).toContain(`Credential=${accessKeyId}/`);
        expect(each.headers.authorization).toContain(`Signature=${signatureOf(each)}`);
      }
    });
  });

  it("is signed by the server's time, as far as the SDK knows it", async () => {
    const date = () => new Date(Date.now() + 600_000);
    await withQueue(
      async (queue, seen) => {
        await queue.receive(now);
        await queue.receive(now);
        expect(makers(seen)).toEqual(["sdk", "direct"]);
        const signed = String(receives(seen)[1]?.headers["x-amz-date"]);
        const at = Date.parse(signed.replace(/^(....)(..)(..T..)(..)/, "$1-$2-$3:$4:"));
        expect(Math.abs(at - date().getTime())).toBeLessThan(60_000);
      },
      { date },
    );
  });

  it("is signed with credentials that are still good", async () => {
    const folder = await mkdtemp(join(tmpdir(), "fetch-etl-test-"));
    const script = join(folder, "credentials.mjs");
    await writeFile(
      script,
      `const Expiration = new Date(Date.now() + 2000).toISOString();
       const AccessKeyId = "AKID" + process.pid;
       console.log(JSON.stringify({ Version: 1, AccessKeyId, SecretAccessKey: "s", Expiration }));`,
    );
    const config = join(folder, "config");
    await writeFile(config, `[default]\ncredential_process = "${process.execPath}" "${script}"\n`);
    vi.stubEnv("AWS_CONFIG_FILE", config);
    vi.stubEnv("AWS_ACCESS_KEY_ID", undefined);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", undefined);
    try {
      await withQueue(async (queue, seen) => {
        await queue.receive(now);
        // The SDK renews beside the calls what is about to expire.
        await vi.waitFor(async () => {
          await queue.receive(now);
          const ids = receives(seen).map(({ headers }) => /AKID\d+/.exec(headers.authorization ?? "")?.[0]);
          expect(new Set(ids).size).toBe(2);
        }, 5_000);
        expect(new Set(makers(seen).slice(1))).toEqual(new Set(["direct"]));
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("a call that is not a plain success", () => {
  it.each<[string, Answer]>([
    ["an error of SQS's", json({ __type: "com.amazonaws.sqs#ThrottlingException" }, 400)],
    ["a fault of SQS's", json({}, 503)],
    ["an answer that is not JSON", (response) => response.end("<html>")],
    ["an answer of another form", json({ Messages: [{ MessageId: 7 }] })],
    ["JSON that is no object", json(null)],
    ["a connection that is cut", (response) => response.destroy()],
    [
      "an answer that is cut",
      (response) => {
        response.writeHead(200, { "content-length": 100 }).write('{"Messages":[');
        response.destroy();
      },
    ],
  ])("is made the SDK's way: %s", async (_name, answer) => {
    const good = json(answers["ReceiveMessage"]);
    await withQueue(
      async (queue, seen) => {
        for (let time = 0; time < 3; time += 1) expect(await queue.receive(now)).toEqual([received]);
        expect(makers(seen)).toEqual(["sdk", "direct", "sdk", "direct"]);
      },
      { play: [good, answer] },
    );
  });

  it("leaves all calls of its kind to the SDK, with its retries and errors, until one has success", async () => {
    const fault = json({ __type: "InternalError" }, 500);
    await withQueue(
      async (queue, seen) => {
        await queue.receive(now);
        const expected = { name: "Failure", kind: "unavailable" };
        await expect(queue.receive(now)).rejects.toMatchObject(expected);
        await expect(queue.receive(now)).rejects.toMatchObject(expected);
        await queue.receive(now);
        await queue.receive(now);
        const wasDirect = makers(seen).map((maker) => maker === "direct");
        expect(wasDirect).toEqual([false, true, false, false, false, false, false, false, false, true]);
        expect(queue.requests.receive).toBe(10);
      },
      { play: [json(answers["ReceiveMessage"]), ...Array.from({ length: 7 }, () => fault)] },
    );
  });

  it("is not made again on a client that was closed in the meantime", async () => {
    let close = (): void => undefined;
    const closing: Answer = (response) => {
      close();
      response.destroy();
    };
    await withQueue(
      async (queue, seen) => {
        close = () => {
          queue.close();
        };
        await queue.receive(now);
        await expect(queue.receive(now)).rejects.toThrow();
        await expect(queue.receive(now)).rejects.toThrow();
        expect(makers(seen)).toEqual(["sdk", "direct"]);
      },
      { play: [json(answers["ReceiveMessage"]), closing] },
    );
  });
});
