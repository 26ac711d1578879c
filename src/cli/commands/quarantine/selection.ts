// What the commands of the quarantine have in common: which messages, and the connection.
import type { DatabaseSettings } from "../../../config/database.ts";
import { readHeldQueue } from "../../../config/queue.ts";
import { duration, type Problems } from "../../../config/readers.ts";
import type { Quarantine } from "../../../postgres/quarantine.ts";
import type { Wanted } from "../../../postgres/selection.ts";
import type { Context } from "../../context.ts";

export interface SelectionFlags {
  readonly reason?: string;
  readonly queue?: string;
  readonly olderThan?: string;
  readonly since?: string;
}

/** A hundred years. Postgres can subtract this from any current time. */
const MOST_DAYS = 36_500;
const DAY = 86_400;

/** Adds mistakes to `problems`. */
export function readSelection(flags: SelectionFlags, ids: readonly string[], problems: Problems): Wanted {
  const days = duration(flags.olderThan, "--older-than", "day", { min: 0, max: MOST_DAYS }, problems);
  const range = { min: 0, max: MOST_DAYS * DAY };
  return {
    ids,
    reason: flags.reason,
    queue: readHeldQueue(flags.queue, problems),
    olderThan: days === undefined ? undefined : days * DAY,
    since: duration(flags.since, "--since", "second", range, problems),
  };
}

/** How many characters of an id are shown, if no other id begins with them. */
const SHORT_ID = 8;

/** The ids as the user can type them, by whole id: as short as possible. */
export async function shortIds(
  quarantine: Quarantine,
  ids: readonly string[],
): Promise<(messageId: string) => string> {
  const ambiguous = await quarantine.ambiguous(ids, SHORT_ID);
  return (id) => (ambiguous.has(id) ? id : Array.from(id).slice(0, SHORT_ID).join(""));
}

export async function withQuarantine<T>(
  { services }: Context,
  settings: DatabaseSettings,
  use: (quarantine: Quarantine) => Promise<T>,
): Promise<T> {
  const quarantine = await services.openQuarantine(settings);
  try {
    return await use(quarantine);
  } finally {
    await quarantine.close();
  }
}
