// What a Node user would write: sqs-consumer, its handler for whole batches, and one insert a batch. Its best settings:
// ten a batch and no pause between polls, which is its default. It has no option to poll more than once at a time.
import postgres from "postgres";
import { Consumer } from "sqs-consumer";
import { loginRow } from "./login-row.ts";
import { client } from "./sdk-queue.ts";
import { BATCH, setting, WAIT_SECONDS } from "./settings.ts";

const sql = postgres(setting("DATABASE_URL"), { max: 1 });

const consumer = Consumer.create({
  queueUrl: setting("BENCH_QUEUE_URL"),
  sqs: client,
  batchSize: BATCH,
  waitTimeSeconds: WAIT_SECONDS,
  handleMessageBatch: async (messages) => {
    await sql`insert into user_logins ${sql(messages.map(({ Body }) => loginRow(Body)))}`;
    return messages;
  },
});

const emptied = new Promise<void>((resolve, reject) => {
  consumer.on("empty", () => {
    resolve();
  });
  consumer.on("error", reject);
});
consumer.start();
await emptied;
consumer.stop();
await sql.end();
client.destroy();
