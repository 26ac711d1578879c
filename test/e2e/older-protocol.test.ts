// Servers that speak only the older query protocol, as the assignment's own image does.
import { expect, test } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { json, withBench, type Bench } from "../support/bench.ts";
import { startQueryServer, type QueryServer, type QueryServerOptions } from "../support/query-server.ts";

const it = test.concurrent;

function withQueryServer(
  options: QueryServerOptions,
  use: (bench: Bench, server: QueryServer, env: Record<string, string>) => Promise<void>,
): Promise<void> {
  return withBench(async (bench) => {
    const server = await startQueryServer(options);
    try {
      await use(bench, server, { AWS_ENDPOINT_URL_SQS: server.endpoint, FETCH_ETL_QUEUE: "login-queue" });
    } finally {
      await server.stop();
    }
  });
}

it.for([404, 415, 500] as const)(
  "drains a server that answers JSON with %i and hands out 20 at once, and says in one line why it speaks otherwise",
  (jsonAnswer) =>
    withQueryServer({ jsonAnswer, perReceive: 20 }, async (bench, server, env) => {
      server.send(generateMessages(100));
      const drained = await bench.run(["drain", "--json"], env);
      expect(drained.code).toBe(0);
      expect(json(drained)).toMatchObject({ received: 100, loaded: 99, quarantined: 1, deleted: 100 });
      expect(drained.stderr).toMatch(
        /^http:\S+ supports only the older SQS query protocol[^\n]*--sqs-protocol query[^\n]*\nwarning: 1 message [^\n]*\n$/,
      );
      expect(server.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
      expect(server.requests.filter(({ action }) => action === "JSON")).toHaveLength(1);
    }),
);

it("asks no question with --sqs-protocol query, and knows the queue by the assignment's URL", () =>
  withQueryServer({}, async (bench, server, env) => {
    server.send(generateMessages(20));
    const flags = ["--sqs-protocol", "query", "--queue", server.queueUrl];
    const drained = await bench.run(["drain", "--json", ...flags], env);
    expect(json(drained)).toMatchObject({ queue: "login-queue", received: 20, loaded: 19, deleted: 20 });
    expect(server.requests.some(({ action }) => action === "JSON")).toBe(false);
  }));

it("takes exactly --max-messages from a server that hands out more, and gives the others back", () =>
  withQueryServer({ perReceive: 20 }, async (bench, server, env) => {
    server.send(generateMessages(100));
    const report = json(await bench.run(["drain", "--json", "--max-messages", "7"], env));
    expect(report).toMatchObject({ received: 7, deleted: 7, stoppedBy: "max-messages" });
    expect(server.counts()).toEqual({ visible: 93, inFlight: 0, delayed: 0 });
  }));

it("peeks at exactly --count messages of a server that hands out more, and gives all back", () =>
  withQueryServer({ perReceive: 20 }, async (bench, server, env) => {
    server.send(generateMessages(100));
    const { stdout } = await bench.run(["peek", "--count", "5", "--json"], env);
    expect(stdout.trimEnd().split("\n")).toHaveLength(5);
    expect(server.counts()).toEqual({ visible: 100, inFlight: 0, delayed: 0 });
  }));

it("dates a message by the day of the run where the server does not tell when it took it, and loads it once", () =>
  withQueryServer({ tellsSentTimestamp: false, visibilityTimeout: 1 }, async (bench, server, env) => {
    server.send(generateMessages(12));
    server.refuse("DeleteMessageBatch", 500, "ServiceUnavailable", 50);
    const days = new Set([new Date().toISOString().slice(0, 10)]);
    // Committed, and not deleted: all come a second time.
    expect((await bench.run(["drain", "--retry-for", "0"], env)).code).toBe(5);
    server.refuse("DeleteMessageBatch", 500, "ServiceUnavailable", 0);
    expect(json(await bench.run(["drain", "--json"], env))).toMatchObject({
      loaded: 0,
      duplicates: 12,
      deleted: 12,
    });
    days.add(new Date().toISOString().slice(0, 10));
    const rows = await bench.sql<{ day: string }[]>`select create_date::text as day from public.user_logins`;
    expect(rows).toHaveLength(11);
    for (const { day } of rows) expect(days).toContain(day);
  }));
