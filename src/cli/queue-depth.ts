// What waits in the queue, for commands that do not depend on it.
import type { SqsSettings } from "../config/queue.ts";
import { Throttled, type QueueDepth } from "../drain/ports.ts";
import { Failure } from "../failure.ts";
import type { Context } from "./context.ts";

/** Resolves to a sentence that says why the depth is not known, if SQS cannot be reached or refuses. */
export async function depthOf(
  settings: SqsSettings,
  { services, log }: Pick<Context, "services" | "log">,
): Promise<QueueDepth | string> {
  try {
    const queue = await services.openQueue(settings, log);
    try {
      return await queue.depth();
    } finally {
      queue.close();
    }
  } catch (error) {
    if (!(error instanceof Failure) && !(error instanceof Throttled)) throw error;
    return error.message;
  }
}
