// The one reason that people read for a message that lacks every field, in place of one per field. JSON has the reasons themselves. Pure.
import { complete } from "./complete.ts";
import { missingReasons } from "./fields.ts";
import { LOGIN } from "./login.ts";
import type { Mapping } from "./mapping.ts";

/** Messages that have all of these reasons count for one reason instead. */
export interface ReasonGroup {
  readonly reasons: readonly string[];
  readonly name: string;
}

/**
 * Messages without any value that the mapping needs: probably messages of another kind.
 *
 * @returns undefined where one reason says it all
 */
export function reasonGroup(mapping: Pick<Mapping, "columns">): ReasonGroup | undefined {
  const reasons = missingReasons(mapping);
  if (reasons.length < 2) return undefined;
  const isLogin = reasons.join() === missingReasons(complete(LOGIN)).join();
  const what = isLogin ? "not a login at all" : "not a message of this mapping";
  return { reasons, name: `${what} (every field missing)` };
}

/** The reasons of one message as people read them. */
export function grouped(reasons: readonly string[], group: ReasonGroup | undefined): readonly string[] {
  return group?.reasons.every((reason) => reasons.includes(reason)) === true ? [group.name] : reasons;
}
