// The usual solution to the assignment: one loop that receives ten messages, inserts each row, then deletes the messages.
import postgres from "postgres";
import { loginRow } from "./login-row.ts";
import { client, receive, remove } from "./sdk-queue.ts";
import { setting } from "./settings.ts";

const sql = postgres(setting("DATABASE_URL"), { max: 1 });

for (let messages = await receive(); messages.length > 0; messages = await receive()) {
  for (const { Body } of messages) await sql`insert into user_logins ${sql({ ...loginRow(Body) })}`;
  await remove(messages);
}
await sql.end();
client.destroy();
