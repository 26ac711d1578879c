// What the tests of the SQS adapter stand on: an AWS environment of their own, and servers that are not quite SQS.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { vi } from "vitest";
import type { Notices } from "../../src/drain/ports.ts";
import type { SqsSettings } from "../../src/config/queue.ts";

export const accessKeyId = "AKIDTESTACCESSKEY";
export const secretAccessKey = "test-secret-access-key";

/** Sets credentials and a region, and keeps the machine's own AWS configuration out. */
export function stubAwsEnvironment(): void {
  vi.unstubAllEnvs();
  for (const name of Object.keys(process.env)) {
    if (name.startsWith("AWS_")) vi.stubEnv(name, undefined);
  }
  vi.stubEnv("AWS_ACCESS_KEY_ID", accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", secretAccessKey);
  vi.stubEnv("AWS_REGION", "us-east-1");
  vi.stubEnv("AWS_CONFIG_FILE", "/nonexistent/config");
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials");
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
}

/** Settings as they are when the user gave nothing but these. */
export function settings(given: Partial<SqsSettings>): SqsSettings {
  return {
    queue: "login-queue",
    endpointUrl: undefined,
    region: undefined,
    protocol: "auto",
    maxSockets: 4,
    ...given,
  };
}

/** An HTTP server on 127.0.0.1, for as long as `use` takes. `use` gets its endpoint URL. Without a limit, connections stay open. */
export async function withHttpServer<T>(
  answer: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>,
  use: (endpoint: string) => Promise<T>,
  requestsPerConnection = 0,
): Promise<T> {
  const server = createServer((request, response) => {
    Promise.resolve(answer(request, response)).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  server.maxRequestsPerSocket = requestsPerConnection;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  try {
    return await use(`http://127.0.0.1:${address.port}`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** Passes requests on to an endpoint, and answers back, with their bodies as `change` gives them back. */
export async function withProxy<T>(
  endpoint: string,
  change: { request?: (body: string) => string; answer?: (body: string) => string },
  use: (endpoint: string) => Promise<T>,
): Promise<T> {
  return withHttpServer(async (request, response) => {
    const headers = new Headers();
    for (const name of ["content-type", "x-amz-target", "authorization", "x-amzn-query-mode"]) {
      const value = request.headers[name];
      if (typeof value === "string") headers.set(name, value);
    }
    const asked = await text(request);
    const body = change.request?.(asked) ?? asked;
    const answer = await fetch(endpoint + (request.url ?? "/"), { method: "POST", headers, body });
    response.statusCode = answer.status;
    for (const name of ["content-type", "x-amzn-query-error"]) {
      const value = answer.headers.get(name);
      if (value !== null) response.setHeader(name, value);
    }
    const answered = await answer.text();
    response.end(change.answer?.(answered) ?? answered);
  }, use);
}

/** An endpoint on which nothing listens. */
export async function closedEndpoint(): Promise<string> {
  return withHttpServer(
    () => undefined,
    (endpoint) => Promise.resolve(endpoint),
  );
}

/** Hears nothing. */
export const deaf: Notices = { note: () => undefined, warn: () => undefined };
