// The queue's depth, for commands that also work without it.
import type { SqsSettings } from "../config/queue.ts";
import { Throttled, type QueueDepth } from "../drain/ports.ts";
import { Failure } from "../failure.ts";
import type { Context } from "./context.ts";

/** Resolves to a sentence that says why the depth is unknown, if SQS is unreachable or refuses the request. */
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
