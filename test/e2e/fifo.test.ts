// The order in which rows are written: that of receiving, and so, within a group of a FIFO queue, that of sending.
import { describe, expect, it } from "vitest";
import { json, makeTables, withBench, type Bench } from "../support/bench.ts";

const GROUPS = ["a", "b", "c"];
const nothing = { app_version: null, device_type: null, ip: null, locale: null, device_id: null };

/** `a-1` and the like: the group and the place in it. */
const login = (name: string): string => JSON.stringify({ user_id: name, ...nothing });
const groupOf = (body: string): string => /"(\w)-\d+"/.exec(body)?.[1] ?? "none";

/** The user ids in the order in which their rows stand in the table. */
async function rows({ sql }: Bench): Promise<string[]> {
  const found = await sql<{ user_id: string }[]>`select user_id from public.user_logins order by ctid`;
  return found.map(({ user_id: id }) => id);
}

/** Has the database join by sorting what it joins, by sent time and message id: it may, whenever it takes that for the quickest. */
async function sortToJoin({ sql, databaseUrl }: Bench): Promise<void> {
  const name = new URL(databaseUrl).pathname.slice(1);
  await sql.unsafe(
    `alter database ${name} set enable_hashjoin = off; alter database ${name} set enable_nestloop = off`,
  );
}

async function withFifo(
  attributes: Readonly<Record<string, string>>,
  use: (bench: Bench, send: (bodies: readonly string[]) => Promise<void>, queue: string) => Promise<void>,
): Promise<void> {
  await withBench(async (bench) => {
    const queue = `${bench.queue}.fifo`;
    const fifo = { FifoQueue: "true", ContentBasedDeduplication: "true" };
    await bench.sqs.createQueue("dead.fifo", fifo);
    const url = await bench.sqs.createQueue(queue, { ...fifo, ...attributes });
    await use(bench, (bodies) => bench.sqs.send(url, bodies, groupOf), queue);
  });
}

const inGroup = (names: readonly string[], group: string): string[] =>
  names.filter((name) => name.startsWith(group));

describe("rows are written in the order in which messages were received", () => {
  const names = Array.from({ length: 400 }, (_, index) => `user-${index}`);

  it("within one statement", () =>
    withBench(async (bench) => {
      await sortToJoin(bench);
      await bench.send(names.map(login));
      const drained = await bench.run(["drain", "--json", "--concurrency", "1"]);
      expect(json(drained)).toMatchObject({ loaded: 400 });
      expect(await rows(bench)).toEqual(names);
    }));

  it("also where a batch is bisected, and the values are kept in the vault", () =>
    withBench(async (bench) => {
      await makeTables(bench);
      await sortToJoin(bench);
      await bench.sql`alter table public.user_logins add constraint one check (user_id <> 'user-123')`;
      await bench.send(names.map(login));
      const recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
      const env = { FETCH_ETL_RECOVERY_RECIPIENT: recipient };
      const drained = await bench.run(["drain", "--json", "--concurrency", "1"], env);
      expect(json(drained)).toMatchObject({ loaded: 399, quarantined: 1 });
      expect(await rows(bench)).toEqual(names.filter((name) => name !== "user-123"));
    }));
});

describe("a FIFO queue", () => {
  it("is drained, each group in its order, by several runs that end at any place", () =>
    withFifo({}, async (bench, send, queue) => {
      const names = Array.from({ length: 10 }, (_, index) =>
        GROUPS.map((group) => `${group}-${index}`),
      ).flat();
      await send(names.map(login));
      for (const flags of [["--max-messages", "4"], ["--max-messages", "7"], []]) {
        const { code, stderr } = await bench.run(["drain", "--queue", queue, ...flags]);
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      }
      const loaded = await rows(bench);
      expect(loaded).toHaveLength(30);
      for (const group of GROUPS) expect(inGroup(loaded, group)).toEqual(inGroup(names, group));
      expect(await bench.sqs.inspect(queue)).toMatchObject({ ready: 0, inflight: 0 });
    }));

  it("waits with a group, and with no other, for its message that was left, and goes on in its order", () => {
    const policy = {
      deadLetterTargetArn: "arn:aws:sqs:us-east-1:000000000000:dead.fifo",
      maxReceiveCount: 1,
    };
    const attributes = { VisibilityTimeout: "3", RedrivePolicy: JSON.stringify(policy) };
    return withFifo(attributes, async (bench, send, queue) => {
      const broken = JSON.stringify({ user_id: "a-2" });
      await send([
        login("a-1"),
        broken,
        login("a-3"),
        login("a-4"),
        ...[1, 2, 3, 4].map((n) => login(`b-${n}`)),
      ]);
      const drained = await bench.run(["drain", "--queue", queue, "--on-reject", "leave", "--json"]);
      expect(json(drained)).toMatchObject({ loaded: 7, left: 1, deleted: 7, stoppedBy: "empty" });
      const loaded = await rows(bench);
      expect(inGroup(loaded, "a")).toEqual(["a-1", "a-3", "a-4"]);
      expect(inGroup(loaded, "b")).toEqual(["b-1", "b-2", "b-3", "b-4"]);
      expect(loaded.indexOf("b-4")).toBeLessThan(loaded.indexOf("a-3"));
      const { messages } = await bench.sqs.inspect("dead.fifo");
      expect(messages.map(({ body }) => body)).toEqual([broken]);
    });
  });
});
