// Drains an SQS queue of logins into Postgres: an afternoon's program with the AWS SDK for JavaScript and postgres.js.
//
// Workers receive ten messages, wait until they are loaded, and delete them while they receive the next. A statement loads what all
// workers have received meanwhile.
import { createHash, createHmac } from "node:crypto";
import { parseArgs } from "node:util";
import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SQSClient,
  type Message,
} from "@aws-sdk/client-sqs";
import postgres from "postgres";

const WORKERS = 32;
const PER_REQUEST = 10;

interface Login {
  readonly user_id: string;
  readonly device_type: string;
  readonly ip: string;
  readonly device_id: string;
  readonly locale: string | null;
  readonly app_version: string;
}

const parse: (body: string) => Login = JSON.parse;

const { values: flags } = parseArgs({ options: { "no-ledger": { type: "boolean", default: false } } });
const QueueUrl = setting("QUEUE_URL");
const key = Buffer.from(setting("MASKING_KEY"), "base64");
const prefix = `h1.${createHash("sha256").update(key).digest("base64url").slice(0, 8)}.`;

const sqs = new SQSClient({ requestHandler: { httpAgent: { maxSockets: 2 * WORKERS } } });
const sql = postgres(setting("DATABASE_URL"), { max: 1, onnotice: () => undefined });
if (!flags["no-ledger"]) await sql`create table if not exists ledger (message_id text primary key)`;

let waiting: Message[] = [];
let loading = Promise.resolve();

/** Resolves when the messages are committed, with those of other workers. */
function loaded(messages: readonly Message[]): Promise<void> {
  if (waiting.length === 0) {
    loading = loading.then(() => {
      const all = waiting;
      waiting = [];
      return load(all);
    });
  }
  waiting.push(...messages);
  return loading;
}

async function work(): Promise<void> {
  let deleted = Promise.resolve();
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: PER_REQUEST,
        WaitTimeSeconds: 1,
        MessageSystemAttributeNames: ["SentTimestamp"],
      }),
    );
    if (Messages.length === 0) break;
    await loaded(Messages);
    await deleted;
    deleted = remove(Messages);
  }
  await deleted;
}

async function load(messages: readonly Message[]): Promise<void> {
  const byId = new Map(messages.map((message) => [message.MessageId ?? "", message]));
  const logins = [...byId.values()].map(({ Body = "" }) => parse(Body));
  const days = [...byId.values()].map(({ Attributes }) => new Date(Number(Attributes?.SentTimestamp)));
  const columns = [
    [...byId.keys()],
    logins.map(({ user_id }) => user_id),
    logins.map(({ device_type }) => device_type),
    logins.map(({ ip }) => mask("ip", ip)),
    logins.map(({ device_id }) => mask("device_id", device_id)),
    logins.map(({ locale }) => locale),
    logins.map(({ app_version }) => versionNumber(app_version)),
    days.map((day) => day.toISOString().slice(0, 10)),
  ] as const;
  const [ids] = columns;
  const values = sql`
    select user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date
    from unnest(${columns[0]}::text[], ${columns[1]}::text[], ${columns[2]}::text[], ${columns[3]}::text[],
                ${columns[4]}::text[], ${columns[5]}::text[], ${columns[6]}::int[], ${columns[7]}::date[])
      as m (message_id, user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date)`;
  if (flags["no-ledger"]) await sql`insert into user_logins ${values}`;
  else {
    await sql`
      with new as (
        insert into ledger select unnest(${ids}::text[]) on conflict do nothing returning message_id
      )
      insert into user_logins ${values} join new using (message_id)`;
  }
}

async function remove(messages: readonly Message[]): Promise<void> {
  const Entries = messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
  const { Failed = [] } = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
  if (Failed.length > 0) throw new Error(`delete: ${Failed[0]?.Code ?? "unknown"}`);
}

function mask(field: string, value: string): string {
  return prefix + createHmac("sha256", key).update(`${field}\0${value}`).digest("base64url");
}

/** An integer that sorts as versions do: 2.3.1 is 2,003,001. */
function versionNumber(text: string): number {
  const [major = 0, minor = 0, patch = 0] = text.split(".").map(Number);
  return major * 1_000_000 + minor * 1_000 + patch;
}

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

await Promise.all(Array.from({ length: WORKERS }, work));
await sql.end();
sqs.destroy();
