// Reads what becomes of a message that cannot be loaded.
import type { Problems } from "./problems.ts";

/** `leave` leaves it in the queue, so that the queue's own redrive policy moves it to the dead-letter queue. */
export const ON_REJECT = ["quarantine", "leave"] as const;
export type OnReject = (typeof ON_REJECT)[number];

/** Reads the flag `--on-reject`; a mistake is added to `problems`, and reads as `quarantine`. */
export function readOnReject(text: string | undefined, problems: Problems): OnReject {
  const how = ON_REJECT.find((name) => name === (text ?? "quarantine"));
  if (how === undefined) problems.add(`--on-reject must be one of: ${ON_REJECT.join(", ")}.`);
  return how ?? "quarantine";
}
