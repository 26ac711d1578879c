import { expect, test } from "vitest";
import { generateLogins, generateMessages } from "../../sandbox/messages.ts";
import { json, withBench, type Outcome } from "../support/bench.ts";
import { sqsError, startProxy } from "../support/proxy.ts";

const it = test.concurrent;

function lines({ stdout }: Outcome): Record<string, unknown>[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => json({ stdout: line }));
}

it("shows at most --count messages, each once, masked, as one JSON object a line", () =>
  withBench(async (bench) => {
    await bench.send(generateMessages(100));
    const peeked = await bench.run(["peek", "--count", "30", "--json"]);
    expect(peeked.code).toBe(0);
    const shown = lines(peeked);
    expect(shown).toHaveLength(30);
    expect(new Set(shown.map(({ messageId }) => messageId)).size).toBe(30);
    const token: unknown = expect.stringMatching(/^h1\.[\w-]{8}\.[\w-]{43}$/);
    expect(shown[0]).toEqual({
      schemaVersion: 2,
      messageId: expect.any(String),
      sentAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      receiveCount: 1,
      record: 0,
      row: {
        user_id: expect.any(String),
        device_type: expect.any(String),
        masked_ip: token,
        masked_device_id: token,
        locale: expect.toSatisfy((locale) => locale === null || typeof locale === "string"),
        app_version: expect.stringMatching(/^\d+$/),
        create_date: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      },
    });
    expect(await bench.contents()).toEqual({ ready: 100, inflight: 0, delayed: 0 });
  }));

it("shows why a message would be quarantined in place of its row", () =>
  withBench(async (bench) => {
    await bench.send(["7"]);
    const [shown] = lines(await bench.run(["peek", "--json"]));
    expect(shown).toMatchObject({ rejection: ["body: not a JSON object or list"] });
    expect(shown).not.toHaveProperty("row");
    expect((await bench.run(["peek"])).stdout).toMatch(
      /^would be quarantined: body: not a JSON object or list \(message \S+\)\n$/,
    );
  }));

it("shows what a drain with the same --app-version stores, a byte order mark before the body or not", () =>
  withBench(async (bench) => {
    const [login] = generateLogins(1);
    await bench.send([`\u{feff}${JSON.stringify({ ...login, app_version: "20240115.1" })}`]);
    const [full] = lines(await bench.run(["peek", "--json"]));
    expect(full).toMatchObject({ rejection: ["app_version: out of range"] });
    const [major] = lines(await bench.run(["peek", "--json", "--app-version", "major"]));
    expect(major).toMatchObject({ row: { app_version: "20240115" } });
    await bench.run(["drain", "--app-version", "major"]);
    expect(await bench.sql`select app_version from public.user_logins`).toEqual([
      { app_version: 20_240_115 },
    ]);
  }));

it("leaves nothing missing for a drain, however often it looked", () =>
  withBench(async (bench) => {
    await bench.send(generateMessages(100));
    for (let look = 0; look < 2; look += 1) expect((await bench.run(["peek", "--count", "5"])).code).toBe(0);
    expect(json(await bench.run(["drain", "--json"]))).toMatchObject({
      received: 100,
      loaded: 99,
      quarantined: 1,
      deleted: 100,
    });
  }));

it("shows the bodies as they are with --raw, without a key, and says so on stderr", () =>
  withBench(async (bench) => {
    const bodies = generateLogins(3).map((login) => JSON.stringify(login));
    await bench.send(bodies);
    const raw = await bench.run(["peek", "--raw"], { FETCH_ETL_MASKING_KEY: undefined });
    expect(raw.stdout.trimEnd().split("\n").sort()).toEqual([...bodies].sort());
    expect(raw.stderr).toMatch(/^warning: --raw shows [^\n]*personal data[^\n]*\n$/);
  }));

it("says on stderr that there is nothing to show, and exits 0", () =>
  withBench(async (bench) => {
    const { code, stdout, stderr } = await bench.run(["peek"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toContain("no visible messages");
  }));

it.for(["SIGTERM", "SIGINT"] as const)("gives everything back at %s", (signal) =>
  withBench(async (bench) => {
    await bench.send(generateMessages(20));
    const { child, outcome } = bench.start(["peek", "--count", "30"]);
    // It has seen them all by then, and polls for ten more.
    while ((await bench.contents()).inflight < 20) await new Promise((resolve) => setImmediate(resolve));
    child.kill(signal);
    expect((await outcome).code).toBe(signal === "SIGINT" ? 130 : 143);
    expect(await bench.contents()).toEqual({ ready: 20, inflight: 0, delayed: 0 });
  }),
);

/** A queue that moves a message to a dead-letter queue after it was received `maxReceiveCount` times. */
function withRedrive(maxReceiveCount: number, use: Parameters<typeof withBench>[0]): Promise<unknown> {
  const target = "arn:aws:sqs:us-east-1:000000000000:dead";
  return withBench(use, {
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: target, maxReceiveCount: String(maxReceiveCount) }),
  });
}

it("refuses to look at a queue that allows one receive, and does not touch it", () =>
  withRedrive(1, async (bench) => {
    await bench.send(generateMessages(20));
    const refused = await bench.run(["peek"]);
    expect(refused.code).toBe(2);
    expect(refused.stdout).toBe("");
    expect(refused.stderr).toMatch(/maxReceiveCount is 1.*--force/);
    const { messages } = await bench.sqs.inspect(bench.queue);
    expect(new Set(messages.map(({ receiveCount }) => receiveCount))).toEqual(new Set([0]));
  }));

it("looks once, refuses a second time, and leaves every message for the drain", () =>
  withRedrive(3, async (bench) => {
    await bench.sqs.createQueue("dead");
    await bench.send(generateMessages(10));
    expect((await bench.run(["peek", "--count", "10"])).code).toBe(0);
    const refused = await bench.run(["peek", "--count", "10"]);
    expect(refused.code).toBe(2);
    expect(refused.stdout).toBe("");
    expect(refused.stderr).toMatch(/received 2 times and maxReceiveCount is 3.*--force/);
    expect(json(await bench.run(["drain", "--json"]))).toMatchObject({ received: 10, deleted: 10 });
    expect((await bench.sqs.inspect("dead")).messages).toEqual([]);
  }));

it("says so when messages could not be given back, and hides them for 30 s at most", () =>
  withBench(
    async (bench) => {
      await bench.send(generateMessages(5));
      const proxy = await startProxy(bench.sqs.endpoint);
      const asked: string[] = [];
      proxy.misbehave(({ action, body }) => {
        if (action === "ReceiveMessage") asked.push(body);
        return action === "ChangeMessageVisibilityBatch" ? sqsError("AccessDenied", 403) : undefined;
      });
      const { stderr } = await bench.run(["peek", "--count", "5"], { AWS_ENDPOINT_URL_SQS: proxy.endpoint });
      await proxy.stop();
      expect(stderr).toMatch(
        /^warning: 5 messages could not be returned to the queue.*sqs:ChangeMessageVisibility/,
      );
      for (const body of asked) expect(JSON.parse(body)).toMatchObject({ VisibilityTimeout: 30 });
    },
    { VisibilityTimeout: "3600" },
  ));

it("looks all the same with --force", () =>
  withRedrive(1, async (bench) => {
    await bench.send(generateMessages(5));
    const { code, stdout } = await bench.run(["peek", "--force", "--json", "--count", "5"]);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(5);
  }));
