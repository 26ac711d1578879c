// One batch of a key rotation: the rows in a range of blocks, and their entries in the vault.
import type { Remask, Remasked } from "../recovery/remask.ts";
import type { Fragment, Transaction } from "./connection.ts";
import { toHex } from "./quote.ts";
import { isToken, tokenKeyId } from "./token.ts";
import { entriesOf } from "./vault.ts";

export interface RotationTarget {
  /** The logins' table, as SQL takes it. */
  readonly table: Fragment;
  /** Of the masking key. */
  readonly keyId: string;
  readonly remask: Remask;
}

/** A range of blocks, counted from 0. */
export interface Blocks {
  readonly first: number;
  readonly count: number;
}

/** A row with one or two earlier tokens; null for a column without one. */
interface Row {
  readonly place: string;
  readonly ip: string | null;
  readonly device: string | null;
}

/** A condition: the column has a token of another masking key. */
export function earlier(tx: Transaction, column: string, keyId: string): Fragment {
  return tx`(${tx.unsafe(isToken(column))} and ${tx.unsafe(tokenKeyId(column))} operator(pg_catalog.<>) ${keyId})`;
}

/**
 * Gives the rows new tokens where the vault has their values. A row that another session changes or moves at the same time is left
 * unchanged: the update requires its place and the tokens that were read.
 *
 * @returns how many rows were changed
 */
export async function changeRows(
  tx: Transaction,
  { table, keyId, remask }: RotationTarget,
  blocks: Blocks,
): Promise<number> {
  const rows = await tx<Row[]>`
    select place, ip, device from (
      select ${place(tx)} as place,
             case when ${earlier(tx, "u.masked_ip", keyId)} then u.masked_ip end as ip,
             case when ${earlier(tx, "u.masked_device_id", keyId)} then u.masked_device_id end as device
      from ${table} u
      where ${within(tx, blocks)}
    ) as walked
    where ip is not null or device is not null`;
  if (rows.length === 0) return 0;
  const tokens = new Set(rows.flatMap(({ ip, device }) => [ip, device]).filter((token) => token !== null));
  const newTokens = new Map<string, string>();
  for await (const entries of entriesOf(tx, [...tokens])) {
    const remasked = await remask(entries);
    await insertEntries(tx, remasked);
    for (const { earlier, token } of remasked) newTokens.set(earlier, token);
  }
  const newToken = (token: string | null): string | null =>
    token === null ? null : (newTokens.get(token) ?? null);
  const changes = rows
    .map((row) => ({ ...row, newIp: newToken(row.ip), newDevice: newToken(row.device) }))
    .filter(({ newIp, newDevice }) => newIp !== null || newDevice !== null);
  if (changes.length === 0) return 0;
  const { count } = await tx`
    update ${table} u
    set masked_ip = coalesce(n.new_ip, u.masked_ip), masked_device_id = coalesce(n.new_device, u.masked_device_id)
    from rows from (
      pg_catalog.unnest(${changes.map(({ place }) => place)}::pg_catalog.text[]),
      pg_catalog.unnest(${changes.map(({ ip }) => ip)}::pg_catalog.text[]),
      pg_catalog.unnest(${changes.map(({ device }) => device)}::pg_catalog.text[]),
      pg_catalog.unnest(${changes.map(({ newIp }) => newIp)}::pg_catalog.text[]),
      pg_catalog.unnest(${changes.map(({ newDevice }) => newDevice)}::pg_catalog.text[])
    ) as n (place, ip, device, new_ip, new_device)
    where ${within(tx, blocks)} and ${place(tx)} operator(pg_catalog.=) n.place
      and coalesce(u.masked_ip operator(pg_catalog.=) n.ip, n.ip is null)
      and coalesce(u.masked_device_id operator(pg_catalog.=) n.device, n.device is null)`;
  return count;
}

/** Adds entries in the order of their tokens, as drains do, to prevent deadlocks. */
export async function insertEntries(tx: Transaction, entries: readonly Remasked[]): Promise<void> {
  if (entries.length === 0) return;
  await tx`
    insert into fetch_etl.vault (token, field, key_id, sealed)
    select token, field, key_id, pg_catalog.decode(sealed, 'hex')
    from rows from (
      pg_catalog.unnest(${entries.map(({ token }) => token)}::pg_catalog.text[]),
      pg_catalog.unnest(${entries.map(({ field }) => field)}::pg_catalog.text[]),
      pg_catalog.unnest(${entries.map(({ dataKeyId }) => dataKeyId)}::pg_catalog.uuid[]),
      pg_catalog.unnest(${entries.map(({ sealed }) => toHex(sealed))}::pg_catalog.text[])
    ) as e (token, field, key_id, sealed)
    order by token collate pg_catalog."C"
    on conflict do nothing`;
}

/** The place of a row, as text: before Postgres 14 a tid cannot be hashed, which makes the join slow. */
function place(tx: Transaction): Fragment {
  return tx`(u.tableoid::pg_catalog.text operator(pg_catalog.||) u.ctid::pg_catalog.text)`;
}

/** Minimum size of a row in a block, in bytes: its line pointer of 4, and its header of 23, aligned to 24. */
const ROW_BYTES = 28;

/**
 * A condition: the row is in one of these blocks. It lists every possible place in them, because Postgres before 14 has no other way to read
 * only a range of blocks.
 */
function within(tx: Transaction, { first, count }: Blocks): Fragment {
  return tx`u.ctid operator(pg_catalog.=) any (array(
    select pg_catalog.format('(%s,%s)', block, item)::pg_catalog.tid
    from pg_catalog.generate_series(${first}::bigint, ${first + count - 1}::bigint) as block,
         pg_catalog.generate_series(
           1, pg_catalog.current_setting('block_size')::integer operator(pg_catalog./) ${ROW_BYTES}::integer) as item))`;
}
