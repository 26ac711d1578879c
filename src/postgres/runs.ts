// The run history, `fetch_etl.runs`: a drain records itself, and `status` reads it. A drain never fails because of the history.
import type { DatabaseSettings } from "../config/database.ts";
import type { Counts } from "../drain/counts.ts";
import { Failure } from "../failure.ts";
import type { Sql, Transaction } from "./connection.ts";
import { withDatabase } from "./database.ts";
import { RUN_END } from "./migrations.ts";
import { exactly } from "./quarantined-message.ts";
import { literal } from "./quote.ts";
import { missingGrants, requireRights, type Right } from "./rights.ts";
import { tablesPresent } from "./schema.ts";
import { inTransaction, SNAPSHOT } from "./transaction.ts";

/** What is known about a run when it starts. */
export interface RunStart {
  /** Schema, dot, name. */
  readonly target: string;
  readonly host: string;
  readonly version: string;
  /** Of the masking key. */
  readonly keyId: string;
  /** Since the command was started, milliseconds. */
  readonly elapsedMs: number;
}

/** How a run ended. */
export interface RunEnd extends Readonly<Counts> {
  /** `failed`, or what stopped the drain. */
  readonly endedBy: string;
  readonly exitCode: number;
  /** A sentence without data; undefined if the run did not fail. */
  readonly error: string | undefined;
}

/** Records one run. Errors of Postgres are ignored: the run is then not in the history, or has no end there. */
export class RunRecorder {
  readonly #sql: () => Sql;
  readonly #id: string;
  readonly #queue: string;
  #started: Promise<boolean> = Promise.resolve(false);

  /**
   * @param id the `run_id` of the ledger
   * @param queue the ARN of the queue, or the path of its URL
   */
  constructor(sql: () => Sql, id: string, queue: string) {
    this.#sql = sql;
    this.#id = id;
    this.#queue = queue;
  }

  /** Returns immediately. No caller waits for the row. */
  start({ target, host, version, keyId, elapsedMs }: RunStart): void {
    const texts = [this.#queue, target, host, version, keyId].map(textLiteral);
    this.#started = this.#write(
      `insert into fetch_etl.runs (id, queue, target, host, version, key_id, started_at)
       values (${literal(this.#id)}, ${texts.join(", ")},
         pg_catalog.now() operator(pg_catalog.-) pg_catalog.make_interval(secs => ${elapsedMs / 1000}))`,
    );
  }

  async end({ endedBy, exitCode, error, ...counts }: RunEnd): Promise<void> {
    if (!(await this.#started)) return;
    const values: Record<(typeof RUN_END)[number], string | number> = {
      ended_at: "pg_catalog.now()",
      ended_by: textLiteral(endedBy),
      exit_code: exitCode,
      error: error === undefined ? "null" : textLiteral(error),
      received: counts.received,
      loaded: counts.loaded,
      duplicates: counts.duplicates,
      quarantined: counts.quarantined,
      skipped: counts.skipped,
      left_in_queue: counts.left,
      deleted: counts.deleted,
      released: counts.released,
      invalid_values: [...counts.invalid.values()].reduce((sum, each) => sum + each, 0),
    };
    await this.#write(
      `update fetch_etl.runs set ${RUN_END.map((name) => `${name} = ${values[name]}`).join(", ")}
       where id operator(pg_catalog.=) ${literal(this.#id)}::pg_catalog.uuid`,
    );
  }

  /** Resolves to whether Postgres accepted the statement. */
  async #write(statement: string): Promise<boolean> {
    // The database's encoding may not contain every character of an error message or a name.
    const ascii = statement.replaceAll(/[^\p{ASCII}]/gu, "?");
    const sql = this.#sql();
    for (const text of new Set([statement, ascii])) {
      try {
        await sql.unsafe(`${SETTINGS}; ${text}`);
        return true;
      } catch {
        continue;
      }
    }
    return false;
  }
}

/**
 * Sent with the statement, in one round trip and one transaction. They limit how long a run waits for a lock on the history or for a slow
 * trigger (from Postgres 11 on, where a time limit applies to the message that sets it). The commit does not wait for the disk or for a
 * synchronous standby.
 */
const SETTINGS =
  "set local lock_timeout = '1s'; set local statement_timeout = '2s'; set local synchronous_commit = off; set local row_security = off";

/** Maximum length of a text in the history, in code points. */
const LONGEST = 500;

function textLiteral(text: string): string {
  return literal(Array.from(text.replaceAll("\0", "")).slice(0, LONGEST).join(""));
}

/** A run in the history. Any role with INSERT or UPDATE can write any values to the table, so unreadable ones are undefined too. */
export interface PastRun {
  /** A UUID. */
  readonly id: string;
  /** The ARN of the queue, or the path of its URL. */
  readonly queue: string;
  /** Schema, dot, name. */
  readonly target: string;
  readonly host: string;
  readonly version: string;
  readonly keyId: string;
  /** Epoch milliseconds. */
  readonly startedAt: number | undefined;
  /** Epoch milliseconds; undefined if no end is recorded. */
  readonly endedAt: number | undefined;
  /** Undefined if no end is recorded. */
  readonly endedBy: string | undefined;
  readonly exitCode: number | undefined;
  readonly error: string | undefined;
  /** Undefined if no end is recorded. */
  readonly counts: RunCounts | undefined;
}

export type RunCounts = Readonly<
  Record<keyof Omit<Counts, "invalid" | "reasons" | "shownReasons"> | "invalidValues", number>
>;

/** The history of one queue. */
export interface RunHistory {
  /** Newest first, at most {@link MOST_RUNS}. */
  readonly runs: readonly PastRun[];
  /** The last run that ended with exit code 1, 2 or 5. */
  readonly lastFailure: PastRun | undefined;
  /** Messages of the queue in the quarantine that are not replayed; undefined if the user may not read it. */
  readonly quarantined: number | undefined;
  /** Names of other queues in the history, at most {@link MOST_QUEUES}. */
  readonly otherQueues: readonly string[];
}

const MOST_RUNS = 10;
const MOST_QUEUES = 20;

/**
 * @param queue the ARN or the name
 * @throws {Failure} when the database is unreachable, or there is no history that the user may read
 */
export async function readHistory(settings: DatabaseSettings, queue: string): Promise<RunHistory> {
  return withDatabase(settings, READING, async (sql) => {
    const { runs, quarantine } = await tablesPresent(sql, settings.table);
    if (!runs) {
      throw new Failure(
        "configuration",
        'There is no table fetch_etl.runs yet: "fetch-etl init" creates it.',
      );
    }
    const { user } = settings;
    await requireRights(sql, user, { doing: READING, rights: [{ table: "runs", right: "select" }] });
    const mayCount = quarantine && (await missingGrants(sql, user, [TO_COUNT])).length === 0;
    return inTransaction(sql, SNAPSHOT, async (tx) => ({
      runs: await pastRuns(tx, queue, "true", MOST_RUNS),
      lastFailure: (await pastRuns(tx, queue, FAILED, 1))[0],
      quarantined: mayCount ? await countQuarantined(tx, queue) : undefined,
      otherQueues: await otherQueues(tx, queue),
    }));
  });
}

const READING = "reading the run history";
const TO_COUNT: Right = { table: "quarantine", right: "select", columns: ["queue", "replayed_at"] };

/** A condition: the exit code is that of an error. */
const FAILED = "exit_code operator(pg_catalog.=) any ('{1,2,5}')";

/** The queue's text, cut to more than the length of an ARN. */
const QUEUE = 'pg_catalog."left"(queue, 300)';
/** Both an ARN and the path of a URL end with the name. */
const QUEUE_NAME = `pg_catalog.regexp_replace(${QUEUE}, '^.*[:/]', '')`;
/** A condition: it is the queue with the ARN or the name `$1`. */
const IS_QUEUE = `($1::pg_catalog.text operator(pg_catalog.=) any (array[queue, ${QUEUE_NAME}]))`;

type RunRow = Readonly<
  Record<"id" | "queue" | "target" | "host" | "version" | "keyId", string> &
    Record<"startedAt" | "endedAt" | "endedBy" | "error", string | null> &
    Record<keyof RunCounts, string | null> & { exitCode: number | null }
>;

async function pastRuns(
  sql: Transaction,
  queue: string,
  condition: string,
  most: number,
): Promise<readonly PastRun[]> {
  const rows = await sql.unsafe<RunRow[]>(
    `select id::pg_catalog.text, ${QUEUE} as queue, ${cut("target")}, ${cut("host")}, ${cut("version")},
       ${cut("key_id", "keyId")}, ${exactly("started_at")} as "startedAt", ${exactly("ended_at")} as "endedAt",
       ${cut("ended_by", "endedBy")}, exit_code as "exitCode", ${cut("error")},
       received, loaded, duplicates, quarantined, skipped, left_in_queue as "left", deleted, released,
       invalid_values as "invalidValues"
     from fetch_etl.runs where ${IS_QUEUE} and ${condition}
     order by started_at desc, id limit ${most}`,
    [queue],
  );
  return rows.map(toPastRun);
}

/** A text column, cut to the length that a drain writes. */
function cut(column: string, name = column): string {
  return `pg_catalog."left"(${column}, ${LONGEST}) as "${name}"`;
}

function toPastRun(row: RunRow): PastRun {
  const { startedAt, endedAt, endedBy, exitCode, error } = row;
  const { id, queue, target, host, version, keyId } = row;
  const counted = (name: keyof RunCounts): number =>
    Math.min(Math.max(0, Number(row[name] ?? 0)), Number.MAX_SAFE_INTEGER);
  return {
    ...{ id, queue, target, host, version, keyId },
    startedAt: timeOf(startedAt),
    endedAt: timeOf(endedAt),
    endedBy: endedBy ?? undefined,
    exitCode: exitCode ?? undefined,
    error: error ?? undefined,
    counts:
      endedAt === null
        ? undefined
        : {
            received: counted("received"),
            loaded: counted("loaded"),
            duplicates: counted("duplicates"),
            quarantined: counted("quarantined"),
            skipped: counted("skipped"),
            left: counted("left"),
            deleted: counted("deleted"),
            released: counted("released"),
            invalidValues: counted("invalidValues"),
          },
  };
}

/** Reads a time from {@link exactly}; undefined also for one outside the range of `Date`. */
function timeOf(text: string | null): number | undefined {
  const parsed = Date.parse(text ?? "");
  return Number.isNaN(parsed) ? undefined : parsed;
}

async function countQuarantined(sql: Transaction, queue: string): Promise<number> {
  const [row] = await sql.unsafe<{ messages: string }[]>(
    `select pg_catalog.count(*) as messages from fetch_etl.quarantine where replayed_at is null and ${IS_QUEUE}`,
    [queue],
  );
  return Number(row?.messages ?? 0);
}

async function otherQueues(sql: Transaction, queue: string): Promise<readonly string[]> {
  const rows = await sql.unsafe<{ name: string }[]>(
    `select distinct ${QUEUE_NAME} as name from fetch_etl.runs where not ${IS_QUEUE} order by 1 limit ${MOST_QUEUES}`,
    [queue],
  );
  return rows.map(({ name }) => name);
}
