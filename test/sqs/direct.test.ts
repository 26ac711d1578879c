import { createHash, createHmac } from "node:crypto";
import { writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Queue } from "../../src/drain/ports.ts";
import { openQueue } from "../../src/sqs/open.ts";
import { withFolder } from "../support/folder.ts";
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
/** How many calls the SDK makes first. */
const SDK_CALLS_FIRST = 20;
const answers: Record<string, unknown> = {
  GetQueueUrl: { QueueUrl: "http://127.0.0.1/000000000000/login-queue" },
  GetQueueAttributes: { Attributes: { VisibilityTimeout: "30" } },
  ReceiveMessage: { Messages: [message] },
  DeleteMessageBatch: { Successful: [], Failed: [{ Id: "0", Code: "InternalError", SenderFault: false }] },
  ChangeMessageVisibilityBatch: { Successful: [], Failed: [{ Id: "0", Code: "MessageNotInflight" }] },
};

/** One request as the server saw it. */
interface Seen {
  readonly action: string;
  readonly line: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** Whether the SDK's middleware made it: it numbers its attempts. */
  readonly bySdk: boolean;
}

type Answer = (response: ServerResponse, request: IncomingMessage) => void;
const json =
  (value: unknown, status = 200): Answer =>
  (response) => {
    response.writeHead(status, { "content-type": "application/x-amz-json-1.0" }).end(JSON.stringify(value));
  };
/** A receive's answer, without its `}`. */
const open = JSON.stringify({ Messages: [message] }).slice(0, -1);

interface Opened {
  readonly queue: Queue;
  readonly seen: readonly Seen[];
  /** Answers the next receives, in turn. */
  readonly play: Answer[];
}

/** Runs `use` on a queue of a server that answers as SQS does, after the calls that the SDK makes first. */
async function withQueue(
  use: (opened: Opened) => Promise<void>,
  options: { date?: () => Date; requestsPerConnection?: number } = {},
): Promise<void> {
  const seen: Seen[] = [];
  const play: Answer[] = [];
  await withHttpServer(
    async (request, response) => {
      const { headers, method = "", url = "" } = request;
      const action = String(headers["x-amz-target"]).replace("AmazonSQS.", "");
      const bySdk = "amz-sdk-request" in headers;
      seen.push({ action, line: `${method} ${url}`, headers, body: await text(request), bySdk });
      if (options.date !== undefined) response.setHeader("date", options.date().toUTCString());
      const answer = action === "ReceiveMessage" ? play.shift() : undefined;
      (answer ?? json(answers[action]))(response, request);
    },
    async (endpointUrl) => {
      const queue = await openQueue(settings({ endpointUrl }), deaf);
      try {
        await Promise.all(Array.from({ length: SDK_CALLS_FIRST }, () => queue.receive(now)));
        await use({ queue, seen, play });
      } finally {
        queue.close();
      }
    },
    options.requestsPerConnection,
  );
}

const receives = (seen: readonly Seen[]) =>
  seen.filter(({ action }) => action === "ReceiveMessage").slice(SDK_CALLS_FIRST);
/** Who made each receive after the first ones. */
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

describe("a frequent call", () => {
  // The first test of this file, because a module stays loaded.
  it("loads its HTTP client only after the calls that the SDK makes first", async () => {
    const { cache } = createRequire(import.meta.url);
    const isLoaded = (): boolean => Object.keys(cache).some((path) => path.includes("/undici/"));
    await withQueue(async ({ queue }) => {
      expect(isLoaded()).toBe(false);
      await queue.receive(now);
      expect(isLoaded()).toBe(true);
    });
  });

  it("is made without the SDK after its first calls, and brings the same", async () => {
    await withQueue(async ({ queue, seen }) => {
      expect(await queue.receive(now)).toEqual([received]);
      const failed = [{ index: 0, code: "InternalError", senderFault: false }];
      expect(await queue.delete(["handle"])).toEqual(failed);
      const dead = [{ index: 0, code: "MessageNotInflight", senderFault: true }];
      expect(await queue.changeVisibility(["handle"], 7)).toEqual(dead);
      const bySdk = seen.map((each) => each.bySdk);
      expect(bySdk).toEqual([
        ...Array.from({ length: 2 + SDK_CALLS_FIRST }, () => true),
        false,
        false,
        false,
      ]);
      expect(queue.requests).toEqual({ receive: SDK_CALLS_FIRST + 1, delete: 1, other: 3 });
    });
  });

  it("waits, as the SDK's does, until its answer may be read, and says how long that is", async () => {
    const body = `${open}}`;
    const withLength: Answer = (response) =>
      response.writeHead(200, { "content-length": body.length }).end(body);
    await withQueue(async ({ queue, seen, play }) => {
      const admitted: number[] = [];
      const waits = { over: false };
      const admit = async (bytes: number): Promise<void> => {
        admitted.push(bytes);
        await new Promise((resolve) => setImmediate(resolve));
        waits.over = true;
      };
      play.push(json({}, 503), withLength, withLength, (response) =>
        response.write(body, () => response.end()),
      );
      for (let time = 0; time < 3; time += 1) {
        waits.over = false;
        expect(await queue.receive({ ...now, admit })).toEqual([received]);
        expect(waits.over).toBe(true);
      }
      expect(makers(seen)).toEqual(["direct", "sdk", "direct", "direct"]);
      expect(admitted).toEqual([1024 * 1024, body.length, body.length, 1024 * 1024]);
    });
  });

  it("asks for no second admission while it waits for the first, although the connection is cut", async () => {
    await withQueue(async ({ queue, seen, play }) => {
      let cut = (): void => undefined;
      play.push((response, { socket }) => {
        cut = () => socket.resetAndDestroy();
        response.writeHead(200, { "content-length": 1_000 }).write(open);
      });
      const waiting = { now: 0, most: 0 };
      const admit = async (): Promise<void> => {
        waiting.now += 1;
        waiting.most = Math.max(waiting.most, waiting.now);
        cut();
        for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        waiting.now -= 1;
      };
      expect(await queue.receive({ ...now, admit })).toEqual([received]);
      expect(makers(seen)).toEqual(["direct", "sdk"]);
      expect(waiting).toEqual({ now: 0, most: 1 });
    });
  });

  it("asks for the same, under a signature of its own", async () => {
    await withQueue(async ({ queue, seen, play }) => {
      play.push(json({}, 503));
      await queue.receive(now);
      const [direct, bySdk] = receives(seen);
      if (direct === undefined || bySdk === undefined) throw new Error("two receives");
      expect([direct.bySdk, bySdk.bySdk]).toEqual([false, true]);
      expect(direct.line).toBe(bySdk.line);
      expect(JSON.parse(direct.body)).toEqual(JSON.parse(bySdk.body));
      for (const name of ["host", "content-type", "content-length", "x-amz-target"]) {
        expect(direct.headers[name]).toBe(bySdk.headers[name]);
      }
      expect(direct.headers["user-agent"]).toBe("fetch-etl");
      expect(direct.headers.authorization).toContain(
        "SignedHeaders=content-type;host;x-amz-date;x-amz-target,",
      );
      for (const each of [direct, bySdk]) {
        expect(each.headers.authorization).toContain(`Credential=${accessKeyId}/`);
        expect(each.headers.authorization).toContain(`Signature=${signatureOf(each)}`);
      }
    });
  });

  it("is signed by the server's time, as far as the SDK knows it", async () => {
    const date = () => new Date(Date.now() + 600_000);
    await withQueue(
      async ({ queue, seen }) => {
        await queue.receive(now);
        expect(makers(seen)).toEqual(["direct"]);
        const signed = String(receives(seen)[0]?.headers["x-amz-date"]);
        const at = Date.parse(signed.replace(/^(....)(..)(..T..)(..)/, "$1-$2-$3:$4:"));
        expect(Math.abs(at - date().getTime())).toBeLessThan(60_000);
      },
      { date },
    );
  });

  it("is signed with credentials that are still good, and with their token", async () => {
    await withCredentialProcess("2000", () =>
      withQueue(async ({ queue, seen }) => {
        // The SDK renews beside the calls what is about to expire.
        await vi.waitFor(async () => {
          await queue.receive(now);
          expect(new Set(receives(seen).map(keyIdOf)).size).toBeGreaterThan(1);
        }, 5_000);
        expect(new Set(makers(seen))).toEqual(new Set(["direct"]));
        for (const each of receives(seen)) {
          expect(each.headers["x-amz-security-token"]).toBe("a-token");
          expect(each.headers.authorization).toContain(`Signature=${signatureOf(each)}`);
        }
      }),
    );
  });

  it("reads lasting credentials once, and again after a failure", async () => {
    await withQueue(async ({ queue, seen, play }) => {
      await queue.receive(now);
      play.push(json({ __type: "com.amazonaws.sqs#ExpiredTokenException" }, 403));
      await queue.receive(now);
      await queue.receive(now);
      expect(makers(seen)).toEqual(["direct", "direct", "sdk", "direct"]);
    });
  });

  it("is left to the SDK where the endpoint has a path", async () => {
    const seen: string[] = [];
    await withHttpServer(
      async (request, response) => {
        seen.push(`${request.url ?? ""} ${String("amz-sdk-request" in request.headers)}`);
        const action = String(request.headers["x-amz-target"]).replace("AmazonSQS.", "");
        await text(request);
        json(answers[action])(response, request);
      },
      async (endpoint) => {
        const queue = await openQueue(settings({ endpointUrl: `${endpoint}/sqs` }), deaf);
        for (let time = 0; time < SDK_CALLS_FIRST + 2; time += 1) await queue.receive(now);
        queue.close();
        expect(queue.requests.receive).toBe(SDK_CALLS_FIRST + 2);
      },
    );
    expect(new Set(seen)).toEqual(new Set(["/sqs/ true"]));
  });
});

/** Credentials that expire so many milliseconds after they were asked for. */
async function withCredentialProcess(expiresInMs: string, use: () => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const script = join(folder, "credentials.mjs");
    await writeFile(
      script,
      `const Expiration = new Date(Date.now() + ${expiresInMs}).toISOString();
       const AccessKeyId = "AKID" + process.pid;
       const [SecretAccessKey, SessionToken] = [${JSON.stringify(secretAccessKey)}, "a-token"];
       console.log(JSON.stringify({ Version: 1, AccessKeyId, SecretAccessKey, SessionToken, Expiration }));`,
    );
    const config = join(folder, "config");
    await writeFile(config, `[default]\ncredential_process = "${process.execPath}" "${script}"\n`);
    vi.stubEnv("AWS_CONFIG_FILE", config);
    vi.stubEnv("AWS_ACCESS_KEY_ID", undefined);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", undefined);
    await use();
  });
}

function keyIdOf({ headers }: Seen): string | undefined {
  return /AKID\d+/.exec(headers.authorization ?? "")?.[0];
}

describe("a call that is not a plain success", () => {
  it.each<[string, Answer]>([
    ["throttling", json({ __type: "com.amazonaws.sqs#ThrottlingException" }, 400)],
    ["an expired token", json({ __type: "com.amazonaws.sqs#ExpiredTokenException" }, 403)],
    ["a fault of SQS's", json({}, 503)],
    ["a success with another status", json({ Messages: [] }, 202)],
    ["a redirect", (response) => response.writeHead(307, { location: "/elsewhere" }).end()],
    ["an answer that is not JSON", (response) => response.end("<html>")],
    ["an answer of another form", json({ Messages: [{ MessageId: 7 }] })],
    ["JSON that is no object", json(null)],
    ["an empty answer", (response) => response.end()],
    [
      "headers that are too long",
      (response) => response.setHeader("x-long", "x".repeat(40_000)).end(`${open}}`),
    ],
    ["an answer that is not HTTP", (response) => response.socket?.end("SSH-2.0-OpenSSH_9.6\r\n\r\n")],
    [
      "another protocol",
      (response) => response.socket?.end("HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n"),
    ],
    ["a connection that is cut", (response) => response.destroy()],
    ["a connection that is closed", (response) => response.socket?.end()],
    ["a connection that is reset", (response) => response.socket?.resetAndDestroy()],
    [
      "an answer that is cut",
      (response) => {
        response.writeHead(200, { "content-length": 1_000 }).write(open, () => response.destroy());
      },
    ],
    [
      "an answer in chunks that is cut",
      (response) => {
        response.writeHead(200).write(open, () => response.destroy());
      },
    ],
    [
      "an answer without a length that is cut",
      (response) => response.socket?.end(`HTTP/1.0 200 OK\r\n\r\n${open}`),
    ],
  ])("is made the SDK's way: %s", async (_name, answer) => {
    await withQueue(async ({ queue, seen, play }) => {
      play.push(json(answers["ReceiveMessage"]), answer);
      for (let time = 0; time < 3; time += 1) expect(await queue.receive(now)).toEqual([received]);
      expect(makers(seen)).toEqual(["direct", "direct", "sdk", "direct"]);
      expect(queue.requests.receive).toBe(SDK_CALLS_FIRST + 4);
    });
  });

  it("is made the SDK's way when its answer drips", async () => {
    await withQueue(async ({ queue, seen, play }) => {
      play.push((response) => {
        response.write(open);
        const drip = setInterval(() => response.write(" "), 1);
        response.once("close", () => {
          clearInterval(drip);
        });
      });
      let time = 0;
      const clock = vi.spyOn(performance, "now").mockImplementation(() => (time += 31_000));
      try {
        expect(await queue.receive(now)).toEqual([received]);
      } finally {
        clock.mockRestore();
      }
      expect(makers(seen)).toEqual(["direct", "sdk"]);
    });
  });

  it("leaves all calls to the SDK, with its retries and errors, until one has success", async () => {
    await withQueue(async ({ queue, seen, play }) => {
      const fault = json({ __type: "InternalError" }, 500);
      play.push(...Array.from({ length: 7 }, () => fault));
      const expected = { name: "Failure", kind: "unavailable" };
      await expect(queue.receive(now)).rejects.toMatchObject(expected);
      await expect(queue.receive(now)).rejects.toMatchObject(expected);
      await queue.receive(now);
      await queue.receive(now);
      const wasDirect = makers(seen).map((maker) => maker === "direct");
      expect(wasDirect).toEqual([true, false, false, false, false, false, false, false, true]);
      expect(queue.requests.receive).toBe(SDK_CALLS_FIRST + 9);
    });
  });

  it("leaves twice as many calls to the SDK each time, if only direct calls fail, and again one after a success", async () => {
    await withQueue(async ({ queue, seen, play }) => {
      const good = json(answers["ReceiveMessage"]);
      const fault = json({}, 503);
      play.push(fault, good, fault, good, good, fault, good, good, good, good, good, fault, good, good);
      for (let time = 0; time < 10; time += 1) await queue.receive(now);
      const pattern = makers(seen).map((maker) => (maker === "direct" ? "d" : "s"));
      expect(pattern.join("")).toBe("dsdssdssssddsd");
    });
  });

  it("counts once where several fail together", async () => {
    await withQueue(async ({ queue, seen, play }) => {
      await queue.receive(now);
      play.push(...Array.from({ length: 4 }, (): Answer => (response) => response.destroy()));
      await Promise.all(Array.from({ length: 4 }, () => queue.receive(now)));
      await queue.receive(now);
      expect(makers(seen).at(-1)).toBe("direct");
    });
  });
});

describe("connections that end", () => {
  it.each<[string, number, Answer]>([
    ["after some requests each, as the server says", 3, json(answers["ReceiveMessage"])],
    [
      "after each answer of HTTP/1.0",
      0,
      (response) => response.socket?.end(`HTTP/1.0 200 OK\r\n\r\n${open}}`),
    ],
    [
      "after each answer, without a word",
      0,
      (response) => {
        response.end(`${open}}`, () => response.socket?.destroySoon());
      },
    ],
    [
      "on one side only, after each answer",
      0,
      (response, { socket }) => {
        response.end(`${open}}`, () => socket.end());
      },
    ],
  ])("lose and repeat nothing: %s", async (_name, requestsPerConnection, answer) => {
    await withQueue(
      async ({ queue, seen, play }) => {
        play.push(...Array.from({ length: 40 }, () => answer));
        const results = await Promise.all(
          Array.from({ length: 4 }, async () => {
            const all = [];
            for (let time = 0; time < 10; time += 1) all.push(...(await queue.receive(now)));
            return all;
          }),
        );
        expect(results.flat()).toEqual(Array.from({ length: 40 }, () => received));
        expect(queue.requests.receive).toBe(SDK_CALLS_FIRST + receives(seen).length);
        expect(makers(seen)).toEqual(Array.from({ length: 40 }, () => "direct"));
      },
      { requestsPerConnection },
    );
  });
});

describe("a client that was closed in the meantime", () => {
  it.each<[string, (close: () => void) => Answer]>([
    [
      "while a call waits for its answer",
      (close) => (response) => {
        close();
        response.destroy();
      },
    ],
    ["while a call waits, and the server too", (close) => close],
    [
      "in the middle of an answer",
      (close) => (response) => {
        response.write(open, close);
      },
    ],
  ])("makes no more calls: %s", async (_name, answer) => {
    await withQueue(async ({ queue, seen, play }) => {
      play.push(
        answer(() => {
          queue.close();
        }),
      );
      await expect(queue.receive(now)).rejects.toThrow();
      await expect(queue.receive(now)).rejects.toThrow();
      expect(makers(seen)).toEqual(["direct"]);
    });
  });

  it("makes no more calls: before an answer may be read", async () => {
    await withQueue(async ({ queue, seen }) => {
      const admit = (): Promise<void> => {
        queue.close();
        return new Promise((resolve) => setImmediate(resolve));
      };
      await expect(queue.receive({ ...now, admit })).rejects.toThrow();
      expect(makers(seen)).toEqual(["direct"]);
    });
  });
});
