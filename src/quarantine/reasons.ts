// Counts messages by the reasons for which they stay in the quarantine.
import type { Mapping } from "../mapping/mapping.ts";
import { missingReasons } from "../mapping/fields.ts";

/** Messages that have all of these reasons count for one reason instead. */
export interface ReasonGroup {
  readonly reasons: readonly string[];
  readonly name: string;
}

/**
 * Messages without any value that the mapping needs: probably messages of another kind.
 *
 * @param isLogin whether it is the built-in mapping
 * @returns undefined where one reason says it all
 */
export function strangers(mapping: Mapping, isLogin: boolean): ReasonGroup | undefined {
  const reasons = missingReasons(mapping);
  if (reasons.length < 2) return undefined;
  const what = isLogin ? "not a login at all" : "not a message of this mapping";
  return { reasons, name: `${what} (every field missing)` };
}

/** The one reason for a message of the group; undefined for any other message. */
export function inGroup(
  reasons: readonly string[],
  group: ReasonGroup | undefined,
): readonly string[] | undefined {
  return group?.reasons.every((reason) => reasons.includes(reason)) === true ? [group.name] : undefined;
}

export interface CountedReason {
  readonly reason: string;
  /** Messages. */
  readonly count: number;
  /** The id of the first of them. */
  readonly example: string;
}

/** Maximum number of reasons that are told apart; later ones count as {@link OTHER_REASON}. */
const MOST_REASONS = 1_000;
const OTHER_REASON = "another reason";

/** A message with two reasons counts for both. */
export class ReasonCounts {
  readonly #counts = new Map<string, { count: number; readonly example: string }>();
  readonly #group: ReasonGroup | undefined;

  constructor(group: ReasonGroup | undefined) {
    this.#group = group;
  }

  /** @param reasons of one message; those of records count once, without the record */
  add(messageId: string, reasons: readonly string[]): void {
    for (const reason of new Set(inGroup(reasons, this.#group) ?? reasons.map(withoutRecord))) {
      const isKnown = this.#counts.has(reason) || this.#counts.size < MOST_REASONS;
      const name = isKnown ? reason : OTHER_REASON;
      const found = this.#counts.get(name);
      if (found === undefined) this.#counts.set(name, { count: 1, example: messageId });
      else found.count += 1;
    }
  }

  /** Most messages first. */
  get list(): CountedReason[] {
    return [...this.#counts]
      .map(([reason, counted]) => ({ reason, ...counted }))
      .toSorted((one, other) => other.count - one.count || (one.reason < other.reason ? -1 : 1));
  }
}

function withoutRecord(reason: string): string {
  return reason.replace(/^record \d+: /, "");
}
