// The owners of the tables. The owner of a table decides which code runs when it is used: triggers, rules, policies and defaults.
import type { TableName } from "../config/table.ts";
import { Failure } from "../failure.ts";
import { HOLDS_ROWS, isOneOf, partsOf, RELATIONS } from "./catalogue.ts";
import type { Reader } from "./connection.ts";
import { identifier } from "./quote.ts";

/**
 * Parts of a `with recursive`: `own`, the current user and the roles that it is a member of; and `used`, the tables in schema `fetch_etl`,
 * the target table, its ancestors and its partitions.
 */
export function usedTables(target: TableName): string {
  return `own as (
      select r.oid from pg_catalog.pg_roles r where r.rolname operator(pg_catalog.=) current_user
      union
      select m.roleid from pg_catalog.pg_auth_members m join own on m.member operator(pg_catalog.=) own.oid
    ), ${partsOf([target])}, wholes as (
      select c.oid from ${RELATIONS} where ${isOneOf([target])}
      union
      select i.inhparent from pg_catalog.pg_inherits i join wholes on i.inhrelid operator(pg_catalog.=) wholes.oid
    ), used as (
      select c.oid from ${RELATIONS}
      where ${HOLDS_ROWS}
        and (n.nspname operator(pg_catalog.=) 'fetch_etl'
          or c.oid operator(pg_catalog.=) any (array(select oid from parts union select oid from wholes)))
    )`;
}

/** A condition: the role `r` is the current user, a role that it is a member of, the database's owner, or a superuser. */
export const IS_TRUSTED = `(r.rolsuper or r.rolname operator(pg_catalog.=) 'pg_database_owner'
      or r.oid operator(pg_catalog.=) any (array(
        select oid from own
        union all
        select d.datdba from pg_catalog.pg_database d
        where d.datname operator(pg_catalog.=) pg_catalog.current_database())))`;

/**
 * Checks schema `fetch_etl` and {@link usedTables} in one statement.
 *
 * @throws {Failure} `configuration` when one of them belongs to a role that is not trusted. A superuser does not count as a member of
 *   every role.
 */
export async function requireOwners(sql: Reader, target: TableName): Promise<void> {
  const [foreign] = await sql.unsafe<{ kind: string; object: string; owner: string }[]>(`
    with recursive ${usedTables(target)}, objects as (
      select 'schema' as kind, pg_catalog.quote_ident(n.nspname) as object, n.nspowner as owner
      from pg_catalog.pg_namespace n where n.nspname operator(pg_catalog.=) 'fetch_etl'
      union all
      select case when c.relkind operator(pg_catalog.=) 'v' then 'view'
               when c.relkind operator(pg_catalog.=) 'm' then 'materialized view'
               when c.relkind operator(pg_catalog.=) 'f' then 'foreign table' else 'table' end,
             pg_catalog.format('%I.%I', n.nspname, c.relname), c.relowner
      from used join ${RELATIONS} on c.oid operator(pg_catalog.=) used.oid
    )
    select o.kind, o.object, r.rolname::pg_catalog.text as owner
    from objects o join pg_catalog.pg_roles r on r.oid operator(pg_catalog.=) o.owner
    where not ${IS_TRUSTED}
    order by o.kind, o.object limit 1`);
  if (foreign === undefined) return;
  const { kind, object, owner } = foreign;
  throw new Failure(
    "configuration",
    `The ${kind} ${object} belongs to role "${owner}", which is not you, a role that you are a member of, the database's owner or a ` +
      "superuser. This role's code would run with your permissions. Find out who created the object. To use it, run as the database's owner or " +
      `a superuser: ALTER ${kind.toUpperCase()} ${object} OWNER TO a role that you trust. Or become a member of role ${identifier(owner)}, if you trust it.`,
  );
}
