// Only receives and deletes, with the SDK.
import { client, receive, remove } from "./sdk-queue.ts";
import { WORKERS } from "./settings.ts";

async function work(): Promise<void> {
  for (let messages = await receive(); messages.length > 0; messages = await receive()) {
    await remove(messages);
  }
}

await Promise.all(Array.from({ length: WORKERS }, work));
client.destroy();
