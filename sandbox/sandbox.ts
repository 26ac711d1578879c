// What fetch-etl needs, on this machine: a queue with messages and a database with the table, on real servers that this
// process starts. Replaces `docker compose up` if there is no Docker.
import postgres from "postgres";
import { generateMessages } from "./messages.ts";
import { startPostgres, type PostgresServer } from "./postgres.ts";
import { startSqs, type SqsServer } from "./sqs.ts";

/** The queue's name in the assignment. */
export const QUEUE = "login-queue";

/** The assignment's table, exactly. */
export const USER_LOGINS = `create table user_logins (
  user_id varchar(128),
  device_type varchar(32),
  masked_ip varchar(256),
  masked_device_id varchar(256),
  locale varchar(32),
  app_version integer,
  create_date date
)`;

export interface SandboxOptions {
  /** Undefined or 0: any free port. */
  readonly sqsPort?: number | undefined;
  /** Undefined or 0: any free port. */
  readonly postgresPort?: number | undefined;
  /** The bodies to send; by default 100 from {@link generateMessages}. */
  readonly messages?: readonly string[] | undefined;
}

export interface Sandbox {
  readonly sqs: SqsServer;
  readonly postgres: PostgresServer;
  readonly queueUrl: string;
  /** fetch-etl's settings for these servers, without the masking key. */
  readonly env: Readonly<Record<string, string>>;
  /** Stops both servers and deletes their files. */
  dispose(): Promise<void>;
}

/**
 * Starts both servers, creates the queue and the table, and sends the messages. If one server fails, disposes of the other.
 *
 * @throws {PortInUse} and the errors of the servers' start functions
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const [sqsStart, postgresStart] = await Promise.allSettled([
    startSqs({ port: options.sqsPort }),
    startPostgres({ port: options.postgresPort }),
  ]);
  const dispose = async (): Promise<void> => {
    await Promise.all([
      sqsStart.status === "fulfilled" ? sqsStart.value.stop() : undefined,
      postgresStart.status === "fulfilled" ? postgresStart.value.dispose() : undefined,
    ]);
  };
  try {
    if (sqsStart.status === "rejected") throw sqsStart.reason;
    if (postgresStart.status === "rejected") throw postgresStart.reason;
    const [sqs, server] = [sqsStart.value, postgresStart.value];
    const [queueUrl] = await Promise.all([
      fillQueue(sqs, options.messages ?? generateMessages()),
      makeTable(server.url),
    ]);
    return { sqs, postgres: server, queueUrl, env: environment(sqs, server), dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Runs `use` in a sandbox, and always disposes of it afterwards. */
export async function withSandbox<T>(
  options: SandboxOptions,
  use: (sandbox: Sandbox) => Promise<T>,
): Promise<T> {
  const sandbox = await startSandbox(options);
  try {
    return await use(sandbox);
  } finally {
    await sandbox.dispose();
  }
}

async function fillQueue(sqs: SqsServer, messages: readonly string[]): Promise<string> {
  const queueUrl = await sqs.createQueue(QUEUE);
  await sqs.send(queueUrl, messages);
  return queueUrl;
}

async function makeTable(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(USER_LOGINS);
  } finally {
    await sql.end();
  }
}

function environment(sqs: SqsServer, server: PostgresServer): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_SQS: sqs.endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    DATABASE_URL: server.url,
    FETCH_ETL_QUEUE: QUEUE,
  };
}
