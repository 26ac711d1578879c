import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { Agent as HttpAgent, type ServerResponse } from "node:http";
import { createServer, request, Agent as HttpsAgent } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { checkQueue } from "../../src/sqs/doctor.ts";
import { openQueue } from "../../src/sqs/open.ts";
import { agentsFor, proxyOf } from "../../src/aws/proxies.ts";
import { createAuthority } from "../support/authority.ts";
import { withFolder } from "../support/folder.ts";
import { withForwardProxy } from "../support/forward-proxy.ts";
import { closedEndpoint, deaf, settings, stubAwsEnvironment, withHttpServer } from "../sqs/servers.ts";

beforeEach(() => {
  stubAwsEnvironment();
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]) {
    vi.stubEnv(name, undefined);
    vi.stubEnv(name.toLowerCase(), undefined);
  }
});

/** A server that knows just enough of SQS: a queue without messages. */
function withSqs<T>(use: (endpoint: string) => Promise<T>): Promise<T> {
  const answers: Record<string, unknown> = {
    GetQueueUrl: { QueueUrl: "http://127.0.0.1/000000000000/login-queue" },
    GetQueueAttributes: { Attributes: { VisibilityTimeout: "30" } },
  };
  return withHttpServer(async (asked, response) => {
    await text(asked);
    const action = String(asked.headers["x-amz-target"]).replace("AmazonSQS.", "");
    response
      .writeHead(200, { "content-type": "application/x-amz-json-1.0" })
      .end(JSON.stringify(answers[action] ?? {}));
  }, use);
}

const now = { max: 10, waitSeconds: 0, visibilityTimeout: 30 };

describe("with a proxy in the environment", () => {
  it.each(["HTTP_PROXY", "http_proxy", "ALL_PROXY"])(
    "in %s every call goes through it, those that are repeated directly too, with its user and password",
    async (name) => {
      await withSqs((endpointUrl) =>
        withForwardProxy(undefined, async ({ url, asked, authorization }) => {
          vi.stubEnv(name, url.replace("://", "://us%40er:pass@"));
          const queue = await openQueue(settings({ endpointUrl }), deaf);
          // The SDK makes the first 20.
          for (let time = 0; time < 24; time += 1) expect(await queue.receive(now)).toEqual([]);
          queue.close();
          expect(asked).toEqual(Array.from({ length: 26 }, () => `POST ${endpointUrl}/`));
          expect(queue.requests).toEqual({ receive: 24, delete: 0, other: 2 });
          expect(authorization()).toBe(`Basic ${Buffer.from("us@er:pass").toString("base64")}`);
        }),
      );
    },
  );

  it.each(["127.0.0.1", "PORT", "*", "example.com, 127.0.0.1"])(
    "NO_PROXY=%s excepts the server",
    async (exception) => {
      await withSqs((endpointUrl) =>
        withForwardProxy(undefined, async ({ url, asked }) => {
          vi.stubEnv("HTTP_PROXY", url);
          vi.stubEnv("no_proxy", exception.replace("PORT", new URL(endpointUrl).host));
          (await openQueue(settings({ endpointUrl }), deaf)).close();
          expect(asked).toEqual([]);
        }),
      );
    },
  );

  it("STS is asked for credentials through it, and a proxy that is away is named", () =>
    withFolder(async (folder) => {
      const credentials =
        "<AccessKeyId>a</AccessKeyId><SecretAccessKey>b</SecretAccessKey><SessionToken>c</SessionToken>" +
        "<Expiration>2099-01-01T00:00:00Z</Expiration>";
      const answer =
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>" +
        `${credentials}</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
      await writeFile(join(folder, "token"), "a-token");
      vi.stubEnv("AWS_WEB_IDENTITY_TOKEN_FILE", join(folder, "token"));
      vi.stubEnv("AWS_ROLE_ARN", "arn:aws:iam::000000000000:role/drain");
      for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) vi.stubEnv(name, undefined);
      const sts = (_: unknown, response: ServerResponse): void => {
        response.writeHead(200, { "content-type": "text/xml" }).end(answer);
      };
      await withHttpServer(sts, (stsUrl) =>
        withSqs(async (endpointUrl) => {
          vi.stubEnv("AWS_ENDPOINT_URL_STS", stsUrl);
          await withForwardProxy(undefined, async ({ url, asked }) => {
            vi.stubEnv("HTTP_PROXY", url);
            (await openQueue(settings({ endpointUrl }), deaf)).close();
            expect(new Set(asked)).toEqual(new Set([`POST ${stsUrl}/`, `POST ${endpointUrl}/`]));
          });
          const away = await closedEndpoint();
          vi.stubEnv("HTTP_PROXY", away);
          vi.stubEnv("AWS_MAX_ATTEMPTS", "1");
          await expect(openQueue(settings({ endpointUrl }), deaf)).rejects.toMatchObject({
            kind: "unavailable",
            message: `No AWS credentials: STS is unreachable (ECONNREFUSED). Check the network and the region (AWS_REGION). Check that the proxy ${away} is correct and running.`,
          });
        }),
      );
    }));

  it("TLS goes through a tunnel, and straight to the hosts that NO_PROXY names", async () => {
    const authority = await createAuthority("a proxy's test");
    const { certificate: cert, key } = await authority.issue("localhost");
    const server = createServer({ cert, key }, (_, response) => response.end("hello")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const { port } = address;
    try {
      await withForwardProxy(undefined, async ({ url, asked }) => {
        vi.stubEnv("HTTPS_PROXY", url);
        const { httpsAgent } = await agentsFor({ keepAlive: true, maxSockets: 2 });
        if (!(httpsAgent instanceof HttpAgent)) throw new Error("no agent");
        expect(httpsAgent).toMatchObject({ keepAlive: true, maxSockets: 2 });
        const get = async (): Promise<string> => {
          const call = request({
            host: "localhost",
            port,
            ca: authority.certificate,
            agent: httpsAgent,
          }).end();
          const [answer] = (await once(call, "response")) as [NodeJS.ReadableStream];
          return text(answer);
        };
        const [first] = await Promise.all([get(), once(httpsAgent, "free")]);
        expect([first, await get()]).toEqual(["hello", "hello"]);
        // One tunnel: the connection is kept.
        expect(asked).toEqual([`CONNECT localhost:${port}`]);
        httpsAgent.destroy();
        vi.stubEnv("NO_PROXY", "localhost");
        expect(await get()).toBe("hello");
        expect(asked).toHaveLength(1);
        httpsAgent.destroy();
      });
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it.each([
    [407, "configuration", "requires a user name and a password"],
    [403, "configuration", "denied access to SQS"],
    [502, "unavailable", "is unreachable through the proxy"],
  ])("that answers %i to a call to AWS, the sentence is the proxy's (%s)", async (status, kind, sentence) => {
    await withForwardProxy(status, async ({ url }) => {
      vi.stubEnv("HTTPS_PROXY", url.replace("://", "://user:secret@"));
      const opening = openQueue(settings({}), deaf);
      await expect(opening).rejects.toMatchObject({ kind });
      const message = await opening.catch(String);
      expect(message).toContain(sentence);
      expect(message).toContain(url);
      expect(message).not.toContain("secret");
    });
  });

  it("that is away, the sentence names it, without its password", async () => {
    const proxy = await closedEndpoint();
    vi.stubEnv("HTTPS_PROXY", proxy.replace("://", "://user:secret@"));
    await expect(openQueue(settings({}), deaf)).rejects.toMatchObject({
      kind: "unavailable",
      message: `SQS is unreachable through the proxy ${proxy} (ECONNREFUSED). Check that the proxy is running, and HTTPS_PROXY, HTTP_PROXY and NO_PROXY.`,
    });
  });

  it("that is no URL, the sentence says so", async () => {
    vi.stubEnv("HTTPS_PROXY", "socks5://127.0.0.1:1");
    await expect(openQueue(settings({}), deaf)).rejects.toMatchObject({ kind: "configuration" });
  });

  it("doctor names it, without its password", async () => {
    await withSqs((endpointUrl) =>
      withForwardProxy(undefined, async ({ url }) => {
        vi.stubEnv("HTTP_PROXY", url.replace("://", "://user:secret@"));
        const checks = await checkQueue(settings({ endpointUrl }), Date.now);
        expect(JSON.stringify(checks)).toContain(`through the proxy ${url}`);
        expect(JSON.stringify(checks)).not.toContain("secret");
      }),
    );
  });
});

it("without one, there are no agents but the SDK's own", async () => {
  const options = { keepAlive: true, maxSockets: 3 };
  const { httpAgent, httpsAgent } = await agentsFor(options);
  expect([httpAgent, httpsAgent]).toEqual([options, options]);
  expect(httpsAgent).not.toBeInstanceOf(HttpsAgent);
  expect(await proxyOf({ endpoint: undefined, region: "us-east-1" }, "sqs")).toBeUndefined();
});
