// What a Node.js user would write: sqs-consumer with its batch handler, and one insert per batch. These are its fastest settings: ten
// messages per batch, and no pause between polls (the default). It has no option for parallel polls.
import postgres from "postgres";
import { Consumer } from "sqs-consumer";
import { loginRow } from "./login-row.ts";
import { client } from "./sdk-queue.ts";
import { BATCH, setting, WAIT_SECONDS } from "./settings.ts";

const sql = postgres(setting("DATABASE_URL"), { max: 1 });

const consumer = Consumer.create({
  queueUrl: setting("QUEUE_URL"),
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
