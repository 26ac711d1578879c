// The record of access to personal data: who asked for what, when and why (`fetch_etl.reveal_log`), and what came of it
// (`fetch_etl.reveal_outcomes`). Rows are only ever added.
import { randomUUID } from "node:crypto";
import type { DatabaseSettings } from "../config/database.ts";
import { Failure } from "../failure.ts";
import type { Sql, Transaction } from "./connection.ts";
import type { Right } from "./rights.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

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
