// The statement that writes entries: ledger, rows, quarantine and vault in one commit. For a drain and for a replay.
import { countRecords, type Entry } from "../drain/ports.ts";
import type { Written } from "../drain/settling-loader.ts";
import type { SealedDataKey } from "../recovery/recipients.ts";
import type { Fragment, Sql, Transaction } from "./connection.ts";
import { failIf } from "./dropped-rows.ts";
import { LEDGER_KEY } from "./migrations.ts";
import { fullName, identifier, toHex } from "./quote.ts";
import { valueType, type Inserted, type Target } from "./target-table.ts";

/** Replaces the sent time that a server does not send, so that a redelivery finds its ledger entry. */
export const SENT_TIME_UNKNOWN = 0;

/** Writes to the WAL, so that the commit waits for the synchronous standby to have this and all earlier commits. */
export const WAIT_FOR_STANDBY = "pg_catalog.pg_logical_emit_message(true, 'fetch-etl', '')";

/** The time of a statement's answer, to compare with `loaded_at`. As JSON, it is the same for every `DateStyle` and `TimeZone`. */
export const ANSWERED_AT = "pg_catalog.to_json(pg_catalog.clock_timestamp())";

/** Before every {@link ANSWERED_AT}. */
export const NEVER = "-infinity";

/** The same for every statement of a run. */
export interface Writing {
  readonly target: Target;
  /** For each column of the target. */
  readonly inserted: readonly Inserted[];
  /** The ARN of the queue, or the path of its URL. */
  readonly queue: string;
  readonly runId: string;
  /** Undefined where no vault is kept. */
  readonly vaultKey: SealedDataKey | undefined;
}

/**
 * One statement: the entries that the ledger does not have are added to it, and inserted into the target table or into the quarantine. If a
 * trigger drops some of them, the statement fails: see `isDropped`. It names the ledger's key, so that no other index makes an entry a
 * duplicate; with idempotency keys there is another index, and Postgres takes no two: see `requireOwnIndexes`. It has the entries in the
 * order of their keys, so that two drains cannot deadlock; Postgres would take longer to sort them.
 *
 * We delete messages after this returns, so that the commit must be on disk: hence `synchronous_commit`. If all entries are duplicates,
 * the commit that loaded them may not have reached a synchronous standby yet: hence {@link WAIT_FOR_STANDBY}.
 */
export async function writeEntries(
  sql: Sql | Transaction,
  { target, inserted, queue, runId, vaultKey }: Writing,
  received: readonly Entry[],
): Promise<Written> {
  const ordered = received.map((entry, place) => ({ entry, place })).sort(byKeys);
  const entries = ordered.map(({ entry }) => entry);
  const places = ordered.map(({ place }) => place);
  const cells = target.columns.map((column, index) => ({
    name: `c${index}`,
    values: entries.map((entry) => (entry.kind === "row" ? (entry.cells[index] ?? null) : null)),
    type: valueType(column),
  }));
  const columns = [...ownColumns(entries), ...cells, { name: "place", values: places, type: "integer" }];
  const into = target.columns.map(({ name }) => identifier(name)).join(", ");
  const values = cells.map(({ name }, index) => inserted[index]?.(name) ?? name).join(", ");
  const hasKeys = entries.some((entry) => entry.kind === "row" && entry.idempotency !== undefined);
  const conflict = hasKeys ? "" : `(${LEDGER_KEY})`;
  const [counts] = await sql<Omit<Written, "duplicates">[]>`
    with batch as (
      select * from rows from (${unnest(sql, columns)}) as t (${names(sql, columns)})
    ), fresh as (
      insert into fetch_etl.ledger (queue, sent_at, message_id, record, run_id, body_mac, idempotency)
      select ${queue}::pg_catalog.text, sent_at, message_id, record, ${runId}::pg_catalog.uuid,
             pg_catalog.decode(body_mac, 'hex'), pg_catalog.decode(idempotency, 'hex')
      from batch
      on conflict ${sql.unsafe(conflict)} do nothing
      returning sent_at, message_id, record
    ), loaded as (
      insert into ${sql.unsafe(fullName(target.table))} (${sql.unsafe(into)})
      select ${sql.unsafe(values)} from ${sql.unsafe(FRESH)}
      where reasons is null
      order by place
      returning 1
    )${vaultKey === undefined ? sql`` : keepValues(sql, target, vaultKey, ordered)}, quarantined as (
      insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, records, key_id, sealed)
      select ${queue}::pg_catalog.text, batch.sent_at, batch.message_id,
             array(select pg_catalog.jsonb_array_elements_text(reasons::pg_catalog.jsonb)), records::integer[],
             key_id, pg_catalog.decode(sealed, 'hex')
      from ${sql.unsafe(FRESH)}
      where reasons is not null
      returning 1
    ), counted as (
      select (select pg_catalog.count(*)::integer from fresh) as fresh,
             (select pg_catalog.count(*)::integer from loaded) as loaded,
             (select pg_catalog.count(*)::integer from quarantined) as messages,
             (select coalesce(pg_catalog.sum(coalesce(pg_catalog.cardinality(records::integer[]), 1)), 0)::integer
              from ${sql.unsafe(FRESH)} where reasons is not null) as quarantined
    )${failIf(sql, sql`(select loaded operator(pg_catalog.+) messages operator(pg_catalog.<>) fresh from counted)`)}
    select loaded, quarantined, ${sql.unsafe(ANSWERED_AT)} as "answeredAt",
           case when fresh operator(pg_catalog.=) 0 then ${sql.unsafe(WAIT_FOR_STANDBY)} end,
           pg_catalog.set_config('synchronous_commit', case
             when pg_catalog.current_setting('synchronous_commit') operator(pg_catalog.=) 'off' then 'on'
             else pg_catalog.current_setting('synchronous_commit') end, true)
    from counted`;
  const { loaded, quarantined, answeredAt } = counts ?? { loaded: 0, quarantined: 0, answeredAt: NEVER };
  return { loaded, quarantined, duplicates: countRecords(entries) - loaded - quarantined, answeredAt };
}

/** The entries of the batch that are new. */
const FRESH = `batch join fresh on fresh.sent_at operator(pg_catalog.=) batch.sent_at
        and fresh.message_id operator(pg_catalog.=) batch.message_id and fresh.record operator(pg_catalog.=) batch.record`;

/** A column of the batch, with a value for each entry. */
interface BatchColumn {
  readonly name: string;
  readonly values: readonly (string | number | null)[];
  /** Text where it is left out. */
  readonly type?: string;
}

/** What is not a cell of the row. */
function ownColumns(entries: readonly Entry[]): BatchColumn[] {
  const rejections = entries.map((entry) => (entry.kind === "rejection" ? entry.rejection : undefined));
  return [
    { name: "sent_at", values: entries.map(sentTime), type: "pg_catalog.timestamptz" },
    { name: "message_id", values: entries.map(({ messageId }) => messageId) },
    { name: "record", values: entries.map(({ record }) => record), type: "integer" },
    { name: "body_mac", values: entries.map(({ bodyMac }) => bodyMac) },
    {
      name: "idempotency",
      values: entries.map((entry) => (entry.kind === "row" ? (entry.idempotency ?? null) : null)),
    },
    {
      name: "reasons",
      values: rejections.map((rejection) => (rejection ? JSON.stringify(rejection.reasons) : null)),
    },
    // As Postgres writes an array.
    {
      name: "records",
      values: rejections.map((rejection) => (rejection?.records ? `{${rejection.records.join(",")}}` : null)),
    },
    { name: "key_id", values: rejections.map((rejection) => rejection?.sealed.keyId ?? null) },
    { name: "sealed", values: rejections.map((rejection) => toHex(rejection?.sealed.bytes)) },
  ];
}

/** An array for each column, for `rows from`, which fills the shorter ones up with NULL. */
function unnest(sql: Sql | Transaction, columns: readonly BatchColumn[]): Fragment[] {
  return columns.map(({ values, type = "pg_catalog.text" }, index) => {
    const sent = values.every((value) => value === null) ? [] : [...values];
    return sql`${index === 0 ? sql`` : sql`,`}
        pg_catalog.unnest(${sent}::pg_catalog.text[]::${sql.unsafe(type)}[])`;
  });
}

function names(sql: Sql | Transaction, columns: readonly BatchColumn[]): Fragment {
  return sql.unsafe(columns.map(({ name }) => name).join(", "));
}

/** One entry for each token, in the order of the tokens: statements that write the same tokens in different orders could deadlock. */
function keepValues(
  sql: Sql | Transaction,
  { table, columns: ofTarget }: Target,
  vaultKey: SealedDataKey,
  entries: readonly { readonly entry: Entry; readonly place: number }[],
): Fragment {
  const masked = ofTarget.filter(({ mask }) => mask !== undefined).map(({ name }) => name);
  const values = entries.flatMap(({ entry, place }) =>
    entry.kind === "row" ? entry.sealed.map((value) => ({ ...value, place })) : [],
  );
  const columns: readonly BatchColumn[] = [
    { name: "place", values: values.map(({ place }) => place), type: "integer" },
    { name: "token", values: values.map(({ token }) => token) },
    { name: "field", values: values.map(({ field }) => field) },
    { name: "type", values: values.map(({ type }) => type) },
    { name: "sealed", values: values.map(({ sealed }) => toHex(sealed)) },
  ];
  return sql`, vault_key as (
      insert into fetch_etl.vault_keys (key_id, sealed, target)
      values (${vaultKey.id}::pg_catalog.uuid, pg_catalog.decode(${toHex(vaultKey.sealed)}, 'hex'),
              ${[table.schema, table.name, ...masked]}::pg_catalog.text[])
      on conflict do nothing
    ), vault as (
      insert into fetch_etl.vault (token, field, type, key_id, sealed)
      select v.token, v.field, v.type, ${vaultKey.id}::pg_catalog.uuid, pg_catalog.decode(v.sealed, 'hex')
      from ${sql.unsafe(FRESH)}
      join rows from (${unnest(sql, columns)}) as v (${names(sql, columns)})
        on v.place operator(pg_catalog.=) batch.place
      order by v.token collate pg_catalog."C"
      on conflict do nothing
    )`;
}

/** The idempotency key first, because entries that differ in the ledger's key may wait for each other by it. */
function byKeys({ entry: one }: { entry: Entry }, { entry: other }: { entry: Entry }): number {
  return (
    compare(idempotencyOf(one), idempotencyOf(other)) ||
    compare(one.sentAt ?? SENT_TIME_UNKNOWN, other.sentAt ?? SENT_TIME_UNKNOWN) ||
    compare(one.messageId, other.messageId) ||
    one.record - other.record
  );
}

function compare<T extends string | number>(one: T, other: T): number {
  return one === other ? 0 : one < other ? -1 : 1;
}

function idempotencyOf(entry: Entry): string {
  return entry.kind === "row" ? (entry.idempotency ?? "") : "";
}

export function sentTime({ sentAt }: Entry): string {
  return new Date(sentAt ?? SENT_TIME_UNKNOWN).toISOString();
}
