// The statement that inserts logins, and their values into the vault: for a drain and for a replay.
import type { TableName } from "../config/table.ts";
import type { SealedValues } from "../drain/ports.ts";
import { LOGIN_COLUMNS, type LoginRow } from "../login/row.ts";
import type { SealedDataKey } from "../recovery/recipients.ts";
import type { Fragment, Sql } from "./connection.ts";
import { valueType } from "./logins-table.ts";
import { fullName, toHex } from "./quote.ts";

/** A column of the batch, one value for each message. */
export interface BatchColumn {
  readonly name: string;
  readonly values: readonly (string | number | null)[];
  /** Text where it is left out. */
  readonly type?: string;
}

interface LoginInsert {
  readonly table: TableName;
  /** Undefined where no vault is kept. */
  readonly vaultKey: SealedDataKey | undefined;
  /** The login of each message; undefined where the message is not one. */
  readonly rows: readonly (LoginRow | undefined)[];
  /** The sealed values of each message. */
  readonly sealed: readonly (SealedValues | undefined)[];
  /** The order in which the rows are inserted; that of `rows` where it is left out. */
  readonly places?: readonly number[];
  /** Identifies a message in the batch. */
  readonly key: readonly BatchColumn[];
  /** What else `fresh` and later parts of the statement read. */
  readonly others?: readonly BatchColumn[];
  /** A statement on `batch` that returns the keys of the messages that are new. */
  readonly fresh: Fragment;
}

/**
 * The start of a statement: `batch` has the messages, with the columns of a login and their `place` in the order in which they were
 * received; `fresh` the keys of those that are new; `loaded` a row for each login that was inserted, in that order. Every login has a
 * `create_date`, which tells logins from rejections.
 */
export function insertLogins(sql: Sql, insert: LoginInsert): Fragment {
  const { table, vaultKey, rows, places = [...rows.keys()], sealed, key, others = [], fresh } = insert;
  const columns: readonly BatchColumn[] = [
    ...key,
    ...LOGIN_COLUMNS.map((name) => ({
      name,
      values: rows.map((row) => row?.[name] ?? null),
      type: valueType(name),
    })),
    ...others,
    { name: "place", values: places, type: "integer" },
    ...(vaultKey === undefined
      ? []
      : [
          { name: "ip", values: sealed.map((values) => toHex(values?.ip)) },
          { name: "device_id", values: sealed.map((values) => toHex(values?.deviceId)) },
        ]),
  ];
  const arrays = columns.map(
    ({ values, type = "pg_catalog.text" }, index) => sql`${index === 0 ? sql`` : sql`,`}
        pg_catalog.unnest(${[...values]}::pg_catalog.text[]::${sql.unsafe(type)}[])`,
  );
  const logins = LOGIN_COLUMNS.join(", ");
  const names = columns.map(({ name }) => name).join(", ");
  return sql`
    with batch as (
      select * from rows from (${arrays}) as t (${sql.unsafe(names)})
    ), fresh as (
      ${fresh}
    ), loaded as (
      insert into ${sql.unsafe(fullName(table))} (${sql.unsafe(logins)})
      select ${sql.unsafe(logins)} from ${freshOf(sql, key)}
      where create_date is not null
      order by place
      returning 1
    )${vaultKey === undefined ? sql`` : keepValues(sql, vaultKey, freshOf(sql, key))}`;
}

/** What follows `from`: the messages of the batch that are new. */
export function freshOf(sql: Sql, key: readonly Pick<BatchColumn, "name">[]): Fragment {
  const equal = key.map(({ name }) => `fresh.${name} operator(pg_catalog.=) batch.${name}`);
  return sql.unsafe(`batch join fresh on ${equal.join(" and ")}`);
}

/** One entry for each token, in the order of the tokens: statements that write the same tokens in different orders could deadlock. */
function keepValues(sql: Sql, vaultKey: SealedDataKey, fresh: Fragment): Fragment {
  return sql`, vault_key as (
      insert into fetch_etl.vault_keys (key_id, sealed)
      values (${vaultKey.id}::pg_catalog.uuid, pg_catalog.decode(${toHex(vaultKey.sealed)}, 'hex'))
      on conflict do nothing
    ), vault as (
      insert into fetch_etl.vault (token, field, key_id, sealed)
      select v.token, v.field, ${vaultKey.id}::pg_catalog.uuid, pg_catalog.decode(v.sealed, 'hex')
      from ${fresh}
      cross join lateral (
        values (masked_ip, 'ip', ip), (masked_device_id, 'device_id', device_id)
      ) as v (token, field, sealed)
      where v.sealed is not null
      order by v.token collate pg_catalog."C"
      on conflict do nothing
    )`;
}
