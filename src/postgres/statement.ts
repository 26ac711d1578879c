// What the statements that write logins have in common: the drain's and the replay's.
import type { LoginRow } from "../login/row.ts";
import type { Fragment, Sql } from "./connection.ts";
import type { SealedDataKey } from "../recovery/recipients.ts";

/** One array a column, in the order of `LOGIN_COLUMNS`, each unnested, for `rows from`; nulls where there is no row. */
export function rowArrays(sql: Sql, rows: readonly (LoginRow | undefined)[]): Fragment {
  return sql`
        pg_catalog.unnest(${rows.map((row) => row?.user_id ?? null)}::pg_catalog.text[]),
        pg_catalog.unnest(${rows.map((row) => row?.device_type ?? null)}::pg_catalog.text[]),
        pg_catalog.unnest(${rows.map((row) => row?.masked_ip ?? null)}::pg_catalog.text[]),
        pg_catalog.unnest(${rows.map((row) => row?.masked_device_id ?? null)}::pg_catalog.text[]),
        pg_catalog.unnest(${rows.map((row) => row?.locale ?? null)}::pg_catalog.text[]),
        pg_catalog.unnest(${rows.map((row) => row?.app_version ?? null)}::integer[]),
        pg_catalog.unnest(${rows.map((row) => row?.create_date ?? null)}::pg_catalog.text[]::pg_catalog.date[])`;
}

/**
 * The vault's part of a statement: one entry a token, however often it comes. In the tokens' order, because two statements that
 * write the same tokens wait for each other, and must not do so crosswise.
 *
 * @param written what follows `from`: the rows that are written, with the tokens `masked_ip` and `masked_device_id` and the
 *   sealed values `ip` and `device_id`, in hex
 */
export function keepValues(sql: Sql, vaultKey: SealedDataKey, written: Fragment): Fragment {
  return sql`, vault_key as (
      insert into fetch_etl.vault_keys (key_id, sealed)
      values (${vaultKey.id}::pg_catalog.uuid, pg_catalog.decode(${toHex(vaultKey.sealed)}, 'hex'))
      on conflict do nothing
    ), vault as (
      insert into fetch_etl.vault (token, field, key_id, sealed)
      select v.token, v.field, ${vaultKey.id}::pg_catalog.uuid, pg_catalog.decode(v.sealed, 'hex')
      from ${written}
      cross join lateral (
        values (masked_ip, 'ip', ip), (masked_device_id, 'device_id', device_id)
      ) as v (token, field, sealed)
      where v.sealed is not null
      order by v.token collate pg_catalog."C"
      on conflict do nothing
    )`;
}

/** For `pg_catalog.decode(…, 'hex')`. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The same where there may be none. */
export function toHexOrNull(bytes: Uint8Array | null | undefined): string | null {
  return bytes ? toHex(bytes) : null;
}
