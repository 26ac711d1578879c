// Reads what becomes of a message that cannot be loaded.
import { oneOf } from "./one-of.ts";
import type { Problems } from "./problems.ts";

/** `leave` leaves it in the queue, so that the queue's own redrive policy moves it to the dead-letter queue. */
export const ON_REJECT = ["quarantine", "leave"] as const;

/** Reads the flag `--on-reject`; a mistake is added to `problems`, and reads as `quarantine`. */
export function readOnReject(text: string | undefined, problems: Problems): (typeof ON_REJECT)[number] {
  return oneOf(text ?? "quarantine", "--on-reject", ON_REJECT, problems) ?? "quarantine";
}
