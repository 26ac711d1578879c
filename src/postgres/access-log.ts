// The record of access to personal data: who asked for what, when and why (`fetch_etl.reveal_log`), and what came of it
// (`fetch_etl.reveal_outcomes`). Rows are only ever added.
import { randomUUID } from "node:crypto";
import type { DatabaseSettings } from "../config/database.ts";
import { Failure } from "../failure.ts";
import type { Sql, Transaction } from "./connection.ts";
import { withDatabase } from "./database.ts";
import { epochMs, exactly } from "./quarantined-message.ts";
import { requireRights, type Right } from "./rights.ts";
import { tablesPresent } from "./schema.ts";
import { inTransaction, READ_COMMITTED, SNAPSHOT } from "./transaction.ts";

/** What was asked for. The database adds the time and its user; the settings have the operating system's user and the host. */
export interface AccessRequest {
  /** `show` is `quarantine show --raw`. */
  readonly action: "reveal" | "show" | "forget" | "rotate";
  readonly reason: string;
  /** Each is stored once. */
  readonly tokens?: readonly string[];
  /** Ids of quarantined messages. */
  readonly messages?: readonly string[];
}

/**
 * - `opened`: the values were decrypted. It is recorded before any of them is shown.
 * - `done`: values were deleted or changed.
 * - `refused`: nothing was opened, for example because a token is unknown or a value was altered.
 * - `failed`: an error, such as a lost connection, prevented it.
 */
export type Outcome = "opened" | "done" | "refused" | "failed";

/** The rights to record a request and its outcome. */
export const TO_RECORD: readonly Right[] = [
  {
    table: "reveal_log",
    right: "insert",
    columns: ["id", "action", "reason", "tokens", "messages", "client_user", "client_host"],
  },
  { table: "reveal_outcomes", right: "insert", columns: ["id", "outcome"] },
];

/**
 * Writes the record of a request. With `synchronous_commit` off, a crash could lose it after the values were shown.
 *
 * @returns the id of the request, for {@link recordOutcome}
 * @throws {Failure} `configuration` when the row was not stored
 */
export async function record(
  tx: Transaction,
  { client }: Pick<DatabaseSettings, "client">,
  { action, reason, tokens = [], messages = [] }: AccessRequest,
): Promise<string> {
  const id = randomUUID();
  await waitForDisk(tx);
  const { count } = await tx`
    insert into fetch_etl.reveal_log (id, action, reason, tokens, messages, client_user, client_host)
    values (${id}, ${action}, ${reason}, ${unique(tokens)}::pg_catalog.text[], ${unique(messages)}::pg_catalog.text[],
      ${client.user}, ${client.host})`;
  requireStored(count, "reveal_log");
  return id;
}

/**
 * Adds the outcome of a recorded request, of which there can be only one.
 *
 * @throws {Failure} `configuration` when the row was not stored
 */
export async function recordOutcome(tx: Transaction, id: string, outcome: Outcome): Promise<void> {
  await waitForDisk(tx);
  const { count } = await tx`insert into fetch_etl.reveal_outcomes (id, outcome) values (${id}, ${outcome})`;
  requireStored(count, "reveal_outcomes");
}

/**
 * Commits the record of a request, opens what it asks for, and commits the outcome before it returns the result: nothing is shown without
 * both. A record without an outcome is one of a command that ended, or lost its connection, before it could show anything.
 *
 * @param isOpened whether the result has anything that was opened
 */
export async function onRecord<T>(
  sql: Sql,
  settings: DatabaseSettings,
  request: AccessRequest,
  { open, isOpened }: { open: () => Promise<T>; isOpened: (result: T) => boolean },
): Promise<T> {
  const id = await inTransaction(sql, READ_COMMITTED, (tx) => record(tx, settings, request));
  const conclude = (outcome: Outcome): Promise<void> =>
    inTransaction(sql, READ_COMMITTED, (tx) => recordOutcome(tx, id, outcome));
  let result: T;
  try {
    result = await open();
  } catch (error) {
    const isRefusal = error instanceof Failure && error.kind === "configuration";
    // Without a connection, the record stays without an outcome.
    await conclude(isRefusal ? "refused" : "failed").catch(() => undefined);
    throw error;
  }
  await conclude(isOpened(result) ? "opened" : "refused");
  return result;
}

async function waitForDisk(tx: Transaction): Promise<void> {
  await tx`
    select pg_catalog.set_config('synchronous_commit', 'on', true)
    where pg_catalog.current_setting('synchronous_commit') operator(pg_catalog.=) 'off'`;
}

function requireStored(count: number, table: string): void {
  if (count === 1) return;
  throw new Failure(
    "configuration",
    `A trigger or a rule of fetch_etl.${table} prevented the record of this request, so nothing was done. Drop the trigger or the rule as the table's owner.`,
  );
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)];
}

/** A recorded request. Anyone who may add to the record can have written it: times apart, each text is untrusted. */
export interface RecordedRequest {
  /** Null in requests of an earlier version. */
  readonly id: string | null;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly action: string;
  /** Null where none is recorded: the command ended before it could show or change anything, is still running, or never records one. */
  readonly outcome: string | null;
  /** When the outcome was recorded. */
  readonly endedAt: number | undefined;
  readonly databaseUser: string;
  /** The operating system's user, as the client says; null in requests of an earlier version. */
  readonly clientUser: string | null;
  readonly clientHost: string | null;
  readonly reason: string;
  readonly tokens: readonly string[];
  /** Ids of quarantined messages. */
  readonly messages: readonly string[];
}

export interface AccessLog {
  /** The latest first, at most {@link MOST_REQUESTS}. */
  readonly requests: readonly RecordedRequest[];
  /** Whether there are more. */
  readonly cut: boolean;
}

/** Without a field, that field selects nothing out. */
export interface LogFilter {
  readonly token?: string | undefined;
  /** A part of the reason, in upper or lower case. */
  readonly reason?: string | undefined;
  /** At most so many seconds ago. */
  readonly since?: number | undefined;
}

const MOST_REQUESTS = 1_000;
/** Longer texts and lists are cut: anyone who may add to the record could exhaust the memory with one. */
const MOST_CHARACTERS = 2_000;
const MOST_ITEMS = 10_000;

const DOING = "reading the record of requests";
const TO_READ: readonly Right[] = [
  { table: "reveal_log", right: "select" },
  { table: "reveal_outcomes", right: "select" },
];

/** @throws {Failure} when the database is unreachable, or has no record */
export async function readAccessLog(settings: DatabaseSettings, filter: LogFilter): Promise<AccessLog> {
  return withDatabase(settings, DOING, async (sql) => {
    if (!(await tablesPresent(sql, settings.table)).record) {
      throw new Failure(
        "configuration",
        'There is no table fetch_etl.reveal_log yet: "fetch-etl init" creates it.',
      );
    }
    await requireRights(sql, settings.user, { doing: DOING, rights: TO_READ });
    const rows = await inTransaction(sql, SNAPSHOT, (tx) => readRequests(tx, filter));
    return { requests: rows.slice(0, MOST_REQUESTS), cut: rows.length > MOST_REQUESTS };
  });
}

async function readRequests(
  tx: Transaction,
  { token, reason, since }: LogFilter,
): Promise<RecordedRequest[]> {
  const text = (expression: string): string => `pg_catalog."left"(${expression}, ${MOST_CHARACTERS})`;
  const rows = await tx.unsafe<
    (Omit<RecordedRequest, "at" | "endedAt"> & { readonly at: string; readonly endedAt: string | null })[]
  >(
    `select l.id, ${exactly("l.at")} as at, ${text("l.action")} as action, ${text("o.outcome")} as outcome,
            ${exactly("o.at")} as "endedAt", l.database_user as "databaseUser", ${text("l.client_user")} as "clientUser",
            ${text("l.client_host")} as "clientHost", ${text("l.reason")} as reason,
            l.tokens[1:${MOST_ITEMS}] as tokens, l.messages[1:${MOST_ITEMS}] as messages
     from fetch_etl.reveal_log l left join fetch_etl.reveal_outcomes o on o.id operator(pg_catalog.=) l.id
     where ($1::pg_catalog.text is null or $1::pg_catalog.text operator(pg_catalog.=) any (l.tokens))
       and ($2::pg_catalog.text is null
         or pg_catalog.strpos(pg_catalog.lower(l.reason), pg_catalog.lower($2::pg_catalog.text)) operator(pg_catalog.>) 0)
       and ($3::double precision is null
         or l.at operator(pg_catalog.>=) (pg_catalog.now() operator(pg_catalog.-) pg_catalog.make_interval(secs => $3::double precision)))
     order by l.at desc, l.id limit ${MOST_REQUESTS + 1}`,
    [token ?? null, reason ?? null, since ?? null],
  );
  return rows.map((row) => ({
    ...row,
    at: epochMs(row.at),
    endedAt: row.endedAt === null ? undefined : epochMs(row.endedAt),
  }));
}
