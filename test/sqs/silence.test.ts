import { startFauxqs } from "fauxqs";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { openQueue } from "../../src/sqs/open.ts";
import { startQueryServer } from "../support/query-server.ts";
import { deaf, settings, stubAwsEnvironment } from "./servers.ts";

// The only test of this file, because the SDK says each of its warnings once in a process.
beforeEach(stubAwsEnvironment);
afterEach(() => vi.restoreAllMocks());

it("the SDK writes nothing to the terminal: not of the Node version, of two credential sources, or of few sockets", async () => {
  const written: unknown[] = [];
  const keep = (...what: unknown[]) => {
    written.push(what);
    return true;
  };
  vi.spyOn(process, "emitWarning").mockImplementation(keep);
  vi.spyOn(process.stderr, "write").mockImplementation(keep);
  vi.spyOn(process.stdout, "write").mockImplementation(keep);
  for (const method of ["log", "info", "debug", "warn", "error"] as const) {
    vi.spyOn(console, method).mockImplementation(keep);
  }
  const json = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false });
  const { queueUrl } = json.createQueue("login-queue");
  const query = await startQueryServer();
  try {
    for (const given of [
      { endpointUrl: `http://127.0.0.1:${json.port}`, queue: queueUrl, maxSockets: 1 },
      { endpointUrl: query.endpoint, maxSockets: 1 },
    ]) {
      const queue = await openQueue(settings(given), deaf);
      const request = { max: 10, waitSeconds: 0, visibilityTimeout: 30 };
      await Promise.all(Array.from({ length: 20 }, () => queue.receive(request)));
      queue.close();
    }
    vi.stubEnv("AWS_PROFILE", "no-such-profile");
    await openQueue(settings({ endpointUrl: query.endpoint }), deaf).catch(() => undefined);
  } finally {
    await json.stop();
    await query.stop();
  }
  expect(written).toEqual([]);
});
