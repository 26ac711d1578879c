// A failed check out of an error.
import { failed, type Check, type CheckName } from "../../checks/check.ts";
import { Failure } from "../../failure.ts";
import { Throttled } from "../ports.ts";

/**
 * @param error what `explain` made of what was thrown
 * @throws the error itself where it is a defect of ours
 */
export function failedBy(name: CheckName, finding: string, error: unknown): Check {
  if (error instanceof Failure) return failed(name, finding, error);
  if (error instanceof Throttled) {
    return failed(name, finding, { kind: "unavailable", message: `${error.message} Run again later.` });
  }
  throw error;
}
