// `drain --on-reject leave` on a server that has a real dead-letter queue.
import { expect, it } from "vitest";
import { generateLogins } from "../../sandbox/messages.ts";
import { json, makeTables, withBench, type Bench } from "../support/bench.ts";
import { everyValue } from "../support/every-value.ts";
import { startQueryServer } from "../support/query-server.ts";

const LEAVE = ["drain", "--on-reject", "leave"];
const BROKEN = [
  JSON.stringify({ user_id: "u", app_version: "1", device_type: "ios", ip: "secret-address", locale: null }),
  "no JSON",
];

/** A bench whose queue has a dead-letter queue, with 20 logins, of which Postgres refuses one, and two other messages. */
async function withDeadLetters(
  { visibilityTimeout, maxReceiveCount }: { visibilityTimeout: number; maxReceiveCount: number },
  use: (bench: Bench, deadLetters: () => Promise<string[]>) => Promise<void>,
): Promise<void> {
  const policy = { deadLetterTargetArn: "arn:aws:sqs:us-east-1:000000000000:dead", maxReceiveCount };
  const attributes = { VisibilityTimeout: String(visibilityTimeout), RedrivePolicy: JSON.stringify(policy) };
  await withBench(async (bench) => {
    await bench.sqs.createQueue("dead");
    await makeTables(bench);
    await bench.sql`alter table public.user_logins add constraint one check (user_id <> 'refused')`;
    const logins = generateLogins(19).map((login) => JSON.stringify(login));
    const refused = generateLogins(1).map((login) => JSON.stringify({ ...login, user_id: "refused" }));
    await bench.send([...logins, ...refused, ...BROKEN]);
    await use(bench, async () => (await bench.sqs.inspect("dead")).messages.map(({ body }) => body));
  }, attributes);
}

const quarantined = async ({ sql }: Bench): Promise<number> =>
  (await sql`select 1 from fetch_etl.quarantine`).length;

it("leaves what cannot be loaded hidden, says so, and exits 3 only where that was asked for", () =>
  withDeadLetters({ visibilityTimeout: 300, maxReceiveCount: 3 }, async (bench, deadLetters) => {
    const drained = await bench.run([...LEAVE, "--json", "--fail-on-quarantine"]);
    expect(drained.code).toBe(3);
    expect(json(drained)).toMatchObject({
      ...{ received: 22, loaded: 19, left: 3, quarantined: 0, deleted: 19, released: 0 },
      ...{ stoppedBy: "empty", remaining: { visible: 0, inFlight: 3, delayed: 0 } },
    });
    const { messages } = await bench.sqs.inspect(bench.queue);
    const refused = messages.find(({ body }) => body.includes('"refused"'))?.messageId ?? "";
    expect(drained.stderr).toBe(
      `warning: Postgres refuses the row of message ${refused} (SQLSTATE 23514, constraint one). This message, and others with the same error, stay in the queue.\n` +
        `warning: 3 deliveries from queue ${bench.queue} could not be loaded and stayed in the queue: body: not JSON (1); device_id: missing (1); ip: not an IP address (1); 1 other reason. SQS moves a message to ` +
        'the dead-letter queue after 3 receives. Run "fetch-etl peek" on that queue to see why it was rejected.\n',
    );
    expect(await quarantined(bench)).toBe(0);
    expect(await deadLetters()).toEqual([]);
    expect(drained.stdout + drained.stderr + (await everyValue(bench.sql)).all).not.toContain(
      "secret-address",
    );
  }));

it("lets the redrive policy move it, run by run, and loads it from there once the reason is gone", () =>
  withDeadLetters({ visibilityTimeout: 2, maxReceiveCount: 1 }, async (bench, deadLetters) => {
    const first = await bench.run([...LEAVE, "--json"]);
    expect(first.code).toBe(0);
    expect(json(first)).toMatchObject({ loaded: 19, left: 3 });
    await expect.poll(async () => (await bench.contents()).inflight, { timeout: 10_000 }).toBe(0);
    const second = await bench.run(LEAVE);
    expect(second.code).toBe(0);
    expect(second.stdout).toContain("loaded 0 of 0 messages");
    const moved = await deadLetters();
    expect(moved).toHaveLength(3);
    expect(moved).toEqual(
      expect.arrayContaining([...BROKEN, expect.stringContaining('"user_id":"refused"')]),
    );
    expect(await bench.contents()).toEqual({ ready: 0, inflight: 0, delayed: 0 });

    await bench.sql`alter table public.user_logins drop constraint one`;
    expect(json(await bench.run(["drain", "--queue", "dead", "--json"]))).toMatchObject({
      loaded: 1,
      quarantined: 2,
      left: 0,
    });
  }));

it("changes nothing in a dry run, which counts what would be left", () =>
  withDeadLetters({ visibilityTimeout: 300, maxReceiveCount: 3 }, async (bench) => {
    const dry = await bench.run([...LEAVE, "--dry-run", "--json"]);
    expect(dry).toMatchObject({ code: 0, stderr: "" });
    expect(json(dry)).toMatchObject({ loaded: 20, left: 2, quarantined: 0, released: 22 });
    expect(await bench.contents()).toEqual({ ready: 22, inflight: 0, delayed: 0 });
  }));

it("is refused on a queue without a redrive policy, before anything is received", () =>
  withBench(async (bench) => {
    await bench.send(BROKEN);
    const { code, stdout, stderr } = await bench.run(LEAVE);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`Queue ${bench.queue} has no redrive policy`);
    const { messages } = await bench.sqs.inspect(bench.queue);
    expect(messages.map(({ receiveCount }) => receiveCount)).toEqual([0, 0]);
  }));

it("leaves messages in a queue of the older protocol too", () =>
  withBench(async (bench) => {
    const server = await startQueryServer({ maxReceiveCount: 3, visibilityTimeout: 300 });
    try {
      server.send([...generateLogins(5).map((login) => JSON.stringify(login)), ...BROKEN]);
      const env = { AWS_ENDPOINT_URL_SQS: server.endpoint, FETCH_ETL_QUEUE: "login-queue" };
      const drained = await bench.run([...LEAVE, "--json"], env);
      expect(json(drained)).toMatchObject({ loaded: 5, left: 2, deleted: 5, stoppedBy: "empty" });
      expect(server.counts()).toEqual({ visible: 0, inFlight: 2, delayed: 0 });
    } finally {
      await server.stop();
    }
  }));
