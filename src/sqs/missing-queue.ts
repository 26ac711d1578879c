// Recognizes the answer that the queue does not exist, by its codes.
import { faultOf } from "../aws/fault.ts";

/** True if SQS answered that the queue does not exist. */
export function isMissingQueue(error: unknown): boolean {
  const fault = faultOf(error);
  return fault.kind === "error response" && fault.code !== undefined && missingQueueCodes.has(fault.code);
}

export const missingQueueCodes: ReadonlySet<string> = new Set([
  "QueueDoesNotExist",
  "AWS.SimpleQueueService.NonExistentQueue",
  "NonExistentQueue",
  "InvalidAddress",
  "QueueDeletedRecently",
  "AWS.SimpleQueueService.QueueDeletedRecently",
]);
