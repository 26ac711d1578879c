// Which messages of the quarantine a command works on: by id, reason, queue and time.
import { count, Failure } from "../failure.ts";
import type { Reader } from "./connection.ts";
import { COUNTED_REASON, exactly } from "./quarantined-message.ts";

/** What the user asks for. Without a field, that field selects nothing out. */
export interface Wanted {
  /** Message ids, or the first characters of them that no other id has; none for all messages. */
  readonly ids?: readonly string[] | undefined;
  /** A part of a reason, in upper or lower case. */
  readonly reason?: string | undefined;
  /** The ARN or the name of a queue. */
  readonly queue?: string | undefined;
  /** Only messages that were quarantined at least so many seconds ago. */
  readonly olderThan?: number | undefined;
  /** Only messages that were quarantined at most so many seconds ago. */
  readonly since?: number | undefined;
}

/** The same, with whole ids and the database's times. */
export interface Selection extends Pick<Wanted, "reason" | "queue"> {
  readonly messageIds?: readonly string[] | undefined;
  /** Quarantined at this time or later, ISO 8601. */
  readonly from?: string | undefined;
  /** Quarantined at this time or earlier. */
  readonly until?: string | undefined;
}

/**
 * Completes ids, and turns durations into times.
 *
 * @throws {Failure} `configuration` when no id, or more than one, begins with one of those wanted
 */
export async function select(sql: Reader, wanted: Wanted): Promise<Selection> {
  const { ids = [], reason, queue } = wanted;
  const messageIds = ids.length === 0 ? undefined : await completeIds(sql, ids);
  const from = wanted.since === undefined ? undefined : await timeAgo(sql, wanted.since);
  const until = wanted.olderThan === undefined ? undefined : await timeAgo(sql, wanted.olderThan);
  return { messageIds, reason, queue, from, until };
}

async function timeAgo(sql: Reader, seconds: number): Promise<string | undefined> {
  const [time] = await sql.unsafe<{ at: string }[]>(
    `select ${exactly("pg_catalog.now() operator(pg_catalog.-) pg_catalog.make_interval(secs => $1)")} as at`,
    [seconds],
  );
  return time?.at;
}

async function completeIds(sql: Reader, ids: readonly string[]): Promise<string[]> {
  const rows = await sql.unsafe<{ candidates: string; first: string | null; isWhole: boolean | null }[]>(
    `select pg_catalog.count(distinct q.message_id) as candidates, pg_catalog.min(q.message_id) as first,
            pg_catalog.bool_or(q.message_id operator(pg_catalog.=) w.id) as "isWhole"
     from pg_catalog.unnest($1::pg_catalog.text[]) with ordinality as w (id, place)
     left join fetch_etl.quarantine q
       on pg_catalog."left"(q.message_id, pg_catalog.char_length(w.id)) operator(pg_catalog.=) w.id
       and w.id operator(pg_catalog.<>) ''
     group by w.place order by w.place`,
    [[...ids]],
  );
  return rows.map(({ candidates, first, isWhole }, index) => {
    const id = ids[index] ?? "";
    if (isWhole === true) return id;
    // The text is not shown: it may be anything, such as a value in an id's place.
    const what = ids.length === 1 ? "this id" : `the id of argument ${index + 1}`;
    if (first === null) {
      throw new Failure(
        "configuration",
        `fetch_etl.quarantine has no message with ${what}. "fetch-etl quarantine list" shows an example id for each reason.`,
      );
    }
    if (candidates !== "1") {
      throw new Failure(
        "configuration",
        `${count(Number(candidates))} quarantined messages have ids that begin like ${what}. Give more characters of the id.`,
      );
    }
    return first;
  });
}

/** A queue is stored as its ARN, or as the path of its URL where the server sends no ARN: both end with its name. */
const NAME_OF_QUEUE = "pg_catalog.regexp_replace(queue, '^.*[:/]', '')";

/**
 * A condition on messages of the quarantine.
 *
 * @param first the number of its first parameter: those of {@link selectionValues} follow in their order
 */
export function isSelected(first: number): string {
  const text = (index: number): string => `$${first + index}::pg_catalog.text`;
  const time = (index: number): string => `${text(index)}::pg_catalog.timestamptz`;
  return `(${text(0)}[] is null or message_id operator(pg_catalog.=) any (${text(0)}[]))
    and (${text(1)} is null or queue operator(pg_catalog.=) ${text(1)} or ${NAME_OF_QUEUE} operator(pg_catalog.=) ${text(1)})
    and (${text(2)} is null or quarantined_at operator(pg_catalog.>=) ${time(2)})
    and (${text(3)} is null or quarantined_at operator(pg_catalog.<=) ${time(3)})
    and (${text(4)} is null or exists (
      select from pg_catalog.unnest(reasons) as reason
      where pg_catalog.strpos(pg_catalog.lower(${COUNTED_REASON}), pg_catalog.lower(${text(4)})) operator(pg_catalog.>) 0))`;
}

export function selectionValues({
  messageIds,
  queue,
  from,
  until,
  reason,
}: Selection): (string | string[] | null)[] {
  return [
    messageIds === undefined ? null : [...messageIds],
    ...[queue, from, until, reason].map((value) => value ?? null),
  ];
}
