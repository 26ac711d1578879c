// Messages that come through a topic of SNS, on a server that speaks SNS too.
import { expect, it } from "vitest";
import { generateLogins } from "../../sandbox/messages.ts";
import { json, makeTables, withBench, type Bench } from "../support/bench.ts";
import { inEnvelope } from "../support/envelope.ts";
import { everyValue } from "../support/every-value.ts";

/** One of SNS's calls; resolves to the text of an element of the answer. */
async function sns({ sqs }: Bench, form: Record<string, string>, element: string): Promise<string> {
  const response = await fetch(sqs.endpoint, { method: "POST", body: new URLSearchParams(form) });
  const found = new RegExp(`<${element}>([^<]*)</${element}>`).exec(await response.text())?.[1];
  if (!response.ok || found === undefined) throw new Error(`${form["Action"] ?? ""} failed`);
  return found;
}

/** Publishes the bodies to a topic that feeds the bench's queue. */
async function publish(bench: Bench, bodies: readonly string[], raw: boolean): Promise<void> {
  const topic = await sns(bench, { Action: "CreateTopic", Name: raw ? "raw" : "wrapped" }, "TopicArn");
  const subscription = {
    Action: "Subscribe",
    TopicArn: topic,
    Protocol: "sqs",
    Endpoint: `arn:aws:sqs:us-east-1:000000000000:${bench.queue}`,
    ReturnSubscriptionArn: "true",
    "Attributes.entry.1.key": "RawMessageDelivery",
    "Attributes.entry.1.value": String(raw),
  };
  await sns(bench, subscription, "SubscriptionArn");
  for (const Message of bodies) {
    await sns(bench, { Action: "Publish", TopicArn: topic, Message }, "MessageId");
  }
}

const lines = ({ stdout }: { stdout: string }): { row: unknown }[] =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { row: unknown });

it.each([
  ["in envelopes", false],
  ["by raw delivery", true],
])("loads, and shows, %s the same rows as without a topic", (_how, raw) =>
  withBench(async (bench) => {
    const bodies = generateLogins(10).map((login) => JSON.stringify(login));
    await publish(bench, bodies, raw);
    const [first] = (await bench.sqs.inspect(bench.queue)).messages;
    expect(first?.body.includes('"Type":"Notification"')).toBe(!raw);
    const shown = lines(await bench.run(["peek", "--json", "--count", "10"])).map(({ row }) => row);
    expect(json(await bench.run(["drain", "--json"]))).toMatchObject({
      loaded: 10,
      quarantined: 0,
      deleted: 10,
    });
    const rows = async (): Promise<unknown[]> => [
      ...(await bench.sql`select *, create_date::text, app_version::text from public.user_logins order by user_id, masked_ip`),
    ];
    const loaded = await rows();
    expect(shown).toEqual(expect.arrayContaining(loaded));
    await bench.sql`truncate public.user_logins`;
    await bench.send(bodies);
    await bench.run(["drain"]);
    expect(await rows()).toEqual(loaded);
  }),
);

it("quarantines the whole body as it came, with reasons by field, and opens the envelope again in a replay", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    await bench.sql`alter table public.user_logins add constraint one check (user_id <> 'refused')`;
    const [login] = generateLogins(1);
    const refused = inEnvelope(JSON.stringify({ ...login, user_id: "refused" }));
    const broken = inEnvelope(JSON.stringify({ ...login, ip: "secret-address" }));
    await bench.send([refused, broken]);
    const drained = await bench.run(["drain", "--json"]);
    expect(json(drained)).toMatchObject({ loaded: 0, quarantined: 2 });
    const held = await bench.sql<{ message_id: string; reasons: string[] }[]>`
      select message_id, reasons from fetch_etl.quarantine order by reasons`;
    expect(held.map(({ reasons }) => reasons)).toEqual([
      ["ip: not an IP address"],
      ["row: refused by Postgres, SQLSTATE 23514, constraint one"],
    ]);
    const shown = await bench.run([
      "quarantine",
      "show",
      held[0]?.message_id ?? "",
      "--raw",
      "--reason",
      "a test",
    ]);
    expect(shown.stdout).toContain(broken);
    expect(drained.stdout + drained.stderr + (await everyValue(bench.sql)).all).not.toContain(
      "secret-address",
    );

    await bench.sql`alter table public.user_logins drop constraint one`;
    expect(json(await bench.run(["quarantine", "replay", "--json"]))).toMatchObject({
      loaded: 1,
      rejected: 1,
    });
    const [row] = await bench.sql`select user_id, masked_ip from public.user_logins`;
    expect(row).toMatchObject({ user_id: "refused", masked_ip: expect.stringMatching(/^h1\./) });
  }));
