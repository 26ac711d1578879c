import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFauxqs, type FauxqsServer } from "fauxqs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SqsSettings } from "../../src/config/queue.ts";
import { openQueue, readTarget } from "../../src/sqs/open.ts";
import { startQueryServer, type QueryServer, type QueryServerOptions } from "../support/query-server.ts";
import { deaf, closedEndpoint, settings, stubAwsEnvironment, withHttpServer } from "./servers.ts";

beforeEach(stubAwsEnvironment);

async function open(given: Partial<SqsSettings>) {
  const notices: string[] = [];
  const queue = await openQueue(settings(given), { ...deaf, note: (line) => void notices.push(line) });
  queue.close();
  return { queue, notices };
}

async function withQueryServer(options: QueryServerOptions, use: (server: QueryServer) => Promise<void>) {
  const server = await startQueryServer(options);
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

describe("a server that speaks the query protocol only", () => {
  it.each([404, 415, 500] as const)("is found out by its answer %i to JSON, and said once", (jsonAnswer) =>
    withQueryServer({ jsonAnswer }, async ({ endpoint, requests }) => {
      const { queue, notices } = await open({ endpointUrl: endpoint });
      expect(queue.id).toBe("arn:aws:sqs:us-east-1:000000000000:login-queue");
      expect(notices).toEqual([
        `${endpoint} supports only the older SQS query protocol, so fetch-etl uses it. Set --sqs-protocol query to skip the detection.`,
      ]);
      expect(requests.map(({ action }) => action)).toEqual(["JSON", "GetQueueUrl", "GetQueueAttributes"]);
    }),
  );

  it("is found out with no request more than that one when the queue is given by its URL", () =>
    withQueryServer({}, async ({ endpoint, queueUrl, requests }) => {
      const { notices } = await open({ endpointUrl: endpoint, queue: queueUrl });
      expect(notices).toHaveLength(1);
      expect(requests.map(({ action }) => action)).toEqual(["JSON", "GetQueueAttributes"]);
    }));

  it("is not asked in JSON when the setting is query, and nothing is said", () =>
    withQueryServer({}, async ({ endpoint, requests }) => {
      const { notices } = await open({ endpointUrl: endpoint, protocol: "query" });
      expect(notices).toEqual([]);
      expect(requests.map(({ action }) => action)).toEqual(["GetQueueUrl", "GetQueueAttributes"]);
    }));

  it("is a configuration failure when the setting is json, with the way out", () =>
    withQueryServer({ jsonAnswer: 415 }, async ({ endpoint }) => {
      await expect(open({ endpointUrl: endpoint, protocol: "json" })).rejects.toMatchObject({
        kind: "configuration",
        message:
          `The server at ${endpoint} does not support SQS's json protocol. Correct --endpoint-url / AWS_ENDPOINT_URL_SQS, ` +
          "or use --sqs-protocol auto.",
      });
    }));

  it("says which queue it does not have", () =>
    withQueryServer({}, async ({ endpoint }) => {
      await expect(open({ endpointUrl: endpoint, queue: "no-such-queue" })).rejects.toMatchObject({
        kind: "configuration",
        message: expect.stringContaining('has no queue "no-such-queue" (') as string,
      });
    }));

  it("is found at the endpoint_url of the AWS configuration file, which wins over the queue URL's host", () =>
    withQueryServer({}, async ({ endpoint }) => {
      const folder = await mkdtemp(join(tmpdir(), "fetch-etl-sqs-"));
      try {
        const file = join(folder, "config");
        await writeFile(file, `[profile local]\nendpoint_url = ${endpoint}\nregion = us-east-1\n`);
        vi.stubEnv("AWS_CONFIG_FILE", file);
        vi.stubEnv("AWS_PROFILE", "local");
        const { notices } = await open({ queue: "http://elsewhere.invalid/000000000000/login-queue" }).catch(
          (error: unknown) => ({ notices: [error] }),
        );
        // The profile has no credentials: that the failure is about them shows that no other host was asked.
        expect(notices).toEqual([
          expect.objectContaining({ message: expect.stringMatching(/^No usable AWS credentials/) as string }),
        ]);
        await writeFile(
          join(folder, "credentials"),
          "[local]\naws_access_key_id = test\naws_secret_access_key = test\n",
        );
        vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(folder, "credentials"));
        const second = await open({ queue: "http://elsewhere.invalid/000000000000/login-queue" });
        expect(second.notices).toEqual([expect.stringContaining(endpoint)]);
        // What the environment names, the profile may say to ignore. The SDK reads a file once: hence another.
        const ignoring = join(folder, "ignoring");
        await writeFile(
          ignoring,
          "[profile local]\nignore_configured_endpoint_urls = true\nregion = us-east-1\n",
        );
        vi.stubEnv("AWS_ENDPOINT_URL", endpoint);
        const named = settings({ endpointUrl: endpoint, endpointFromEnvironment: true });
        expect((await readTarget(named)).endpoint).toBe(endpoint);
        vi.stubEnv("AWS_CONFIG_FILE", ignoring);
        expect((await readTarget(named)).endpoint).toBeUndefined();
      } finally {
        await rm(folder, { recursive: true });
      }
    }));
});

describe("a server that speaks JSON", () => {
  let server: FauxqsServer;
  let endpointUrl: string;
  beforeEach(async () => {
    server = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false });
    endpointUrl = `http://127.0.0.1:${server.port}`;
    server.createQueue("login-queue");
  });
  afterEach(() => server.stop());

  it("is spoken to in JSON without a word about it", async () => {
    const { queue, notices } = await open({ endpointUrl });
    expect(queue.id).toBe("arn:aws:sqs:us-east-1:000000000000:login-queue");
    expect(queue.requests).toEqual({ receive: 0, delete: 0, other: 2 });
    expect(notices).toEqual([]);
  });

  it.each([
    ["in the form that it knows", () => server.inspectQueue("login-queue")?.url],
    ["in the form of LocalStack", () => `${endpointUrl}/000000000000/login-queue`],
    ["in the form of AWS", () => "https://sqs.us-east-1.amazonaws.com/000000000000/login-queue"],
  ])("finds the queue by a URL %s", async (_form, url) => {
    const { queue } = await open({ endpointUrl, queue: url() ?? "" });
    expect(queue.name).toBe("login-queue");
    expect(queue.id).toBe("arn:aws:sqs:us-east-1:000000000000:login-queue");
  });

  it("finds the queue by a URL alone, without an endpoint", async () => {
    const { queue } = await open({ queue: `http://localhost:${server.port}/000000000000/login-queue` });
    expect(queue.id).toBe("arn:aws:sqs:us-east-1:000000000000:login-queue");
  });

  it.each(["no-such-queue", "http://localhost:4566/000000000000/no-such-queue"])(
    "says which queue it does not have, asked for %s",
    async (queue) => {
      await expect(open({ endpointUrl, queue })).rejects.toMatchObject({
        kind: "configuration",
        message: expect.stringContaining('has no queue "no-such-queue" (') as string,
      });
    },
  );

  it("is a configuration failure when the setting is query", async () => {
    await expect(open({ endpointUrl, protocol: "query" })).rejects.toMatchObject({
      kind: "configuration",
      message: expect.stringContaining("does not support SQS's query protocol") as string,
    });
  });
});

describe("what answers at an endpoint and is not SQS, or not now,", () => {
  it.each([
    [200, "text/html", "<html><body>Welcome</body></html>"],
    [200, "text/plain", "hello"],
    [200, "application/json", "{}"],
    [200, "text/plain", ""],
    [301, "text/html", ""],
    [403, "text/html", "<html>Forbidden</html>"],
    [404, "text/plain", "not found"],
    [404, "application/json", '{"error":"no such route"}'],
    [500, "text/html", "<h1>Internal Server Error</h1>"],
  ])("answers %i %s %s: a configuration failure that names the setting", async (status, type, body) => {
    await withHttpServer(
      (_request, response) => void response.writeHead(status, { "content-type": type }).end(body),
      async (endpointUrl) => {
        await expect(open({ endpointUrl })).rejects.toMatchObject({
          kind: "configuration",
          message:
            `The server at ${endpointUrl} is not SQS. Correct --endpoint-url / AWS_ENDPOINT_URL_SQS, ` +
            "or omit it to use AWS.",
        });
      },
    );
  });

  it.each([502, 503, 504])("is a gateway that answers %i: unavailable, and asked once", async (status) => {
    let asked = 0;
    await withHttpServer(
      (_request, response) => {
        asked += 1;
        response.writeHead(status).end("<html>try later</html>");
      },
      async (endpointUrl) => {
        await expect(open({ endpointUrl })).rejects.toMatchObject({ kind: "unavailable" });
      },
    );
    expect(asked).toBe(1);
  });

  it("does not speak HTTP: a configuration failure or unavailable, never an unexpected one", async () => {
    await withHttpServer(
      (request) => void request.socket.end("220 mail.example ESMTP\r\n"),
      async (endpointUrl) => {
        await expect(open({ endpointUrl })).rejects.toMatchObject({ name: "Failure", kind: "configuration" });
      },
    );
  });

  it.each(["auto", "json"] as const)(
    "is SQS with a fault of its own: unavailable, asked by %s",
    async (protocol) => {
      await withHttpServer(
        (_request, response) =>
          void response.writeHead(500).end('{"__type":"com.amazonaws.sqs#InternalFailure"}'),
        async (endpointUrl) => {
          await expect(open({ endpointUrl, protocol })).rejects.toMatchObject({
            kind: "unavailable",
            message: expect.stringContaining(
              "reported an internal error (InternalFailure, HTTP 500)",
            ) as string,
          });
        },
      );
    },
  );

  it("breaks off in the middle of an answer: unavailable, and not asked in the other protocol", async () => {
    let asked = 0;
    await withHttpServer(
      (request, response) => {
        asked += 1;
        response.writeHead(200, { "content-length": "100" }).write("{", () => request.socket.destroy());
      },
      async (endpointUrl) => {
        await expect(open({ endpointUrl })).rejects.toMatchObject({
          kind: "unavailable",
          message: expect.stringContaining(`is unreachable at ${endpointUrl} (ECONNRESET)`) as string,
        });
      },
    );
    expect(asked).toBe(1);
  });

  it("may be nothing at all: unavailable, with the setting and the error's code", async () => {
    const endpointUrl = await closedEndpoint();
    await expect(open({ endpointUrl })).rejects.toMatchObject({
      kind: "unavailable",
      message:
        `SQS is unreachable at ${endpointUrl} (ECONNREFUSED). Check that it is running, and ` +
        "--endpoint-url / AWS_ENDPOINT_URL_SQS.",
    });
  });
});
