// What a log has of a server that does not answer for a while, and of what others write to standard error.
import { expect, test } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { json, startCli, withBench } from "../support/bench.ts";
import { logLines } from "../support/log-lines.ts";
import { startProxy } from "../support/proxy.ts";

const it = test.concurrent;

it.for(["text", "json"])("warns once of an outage in a log as %s, and reports its length", (format) =>
  withBench(async (bench) => {
    await bench.send(generateMessages(3));
    const proxy = await startProxy(bench.sqs.endpoint, ({ action }) =>
      action === "ReceiveMessage" ? { kind: "dropped" } : undefined,
    );
    const env = { AWS_ENDPOINT_URL_SQS: proxy.endpoint, FETCH_ETL_LOG_FORMAT: format };
    const { child, outcome } = bench.start(["drain", "--json"], env);
    const warning = "SQS is unavailable (ECONNRESET). Retrying for up to 30 seconds (--retry-for).";
    child.stderr?.on("data", (text: string) => {
      if (text.includes(warning)) proxy.misbehave();
    });
    const { code, stdout, stderr } = await outcome;
    await proxy.stop();
    expect(code).toBe(0);
    const { waitedMs } = json({ stdout }) as { waitedMs?: { sqs: number; postgres: number } };
    expect(waitedMs?.sqs).toBeGreaterThan(0);
    expect(waitedMs?.postgres).toBe(0);
    if (format === "text") expect(stderr.match(/unavailable/g)).toHaveLength(1);
    else {
      const lines = logLines(stderr).filter(({ server }) => server === "SQS");
      expect(lines).toMatchObject([
        { level: "warn", msg: warning, code: "ECONNRESET", retryForSeconds: 30 },
        { level: "info", msg: "SQS is available again", waitedMs: waitedMs?.sqs },
      ]);
    }
  }),
);

it("logs JSON for what a program and Node.js print to standard error", async () => {
  const env = {
    ...{ FETCH_ETL_LOG_FORMAT: "json", AWS_REGION: "us-east-1", NODE_TLS_REJECT_UNAUTHORIZED: "0" },
    ...{ AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", AWS_ENDPOINT_URL_SQS: "https://127.0.0.1:1" },
    FETCH_ETL_MASKING_KEY_COMMAND: `sh -c 'echo from the vault >&2; echo ${Buffer.alloc(32, 7).toString("base64")}'`,
    DATABASE_URL: "postgres://u:p@127.0.0.1:1/d",
  };
  const { code, stderr } = await startCli(["drain"], env).outcome;
  expect(code).toBe(5);
  const lines = logLines(stderr);
  expect(lines).toContainEqual(expect.objectContaining({ level: "warn", output: "from the vault" }));
  expect(lines).toContainEqual(
    expect.objectContaining({ level: "warn", msg: expect.stringContaining("Node.js or a library") }),
  );
});
