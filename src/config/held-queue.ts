// Reads which queue's messages of the quarantine are meant.
import type { Problems } from "./problems.ts";
import { queueArnOf } from "./queue-arn.ts";
import { queueNameToShow } from "./queue.ts";

/** The ARN, or the name; undefined for every queue, and where the mistake was added to `problems`. */
export function readHeldQueue(flag: string | undefined, problems: Problems): string | undefined {
  if (flag === undefined || queueArnOf(flag) !== undefined) return flag;
  const name = queueNameToShow(flag);
  if (name === undefined) problems.add("--queue is neither a queue's name nor its URL nor its ARN.");
  return name;
}
