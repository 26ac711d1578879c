// The code of the tables: triggers, rules and policies, which run with the rights of the user of a statement.
import { ok, warning, type Check } from "../doctor/check.ts";
import type { TableName } from "../config/table.ts";
import { RELATIONS } from "./catalogue.ts";
import type { Reader } from "./connection.ts";
import { IS_TRUSTED, usedTables } from "./owners.ts";
import { GRANTED_TO_ALL, REVOKE_CREATE } from "./rights.ts";

interface TableCode {
  readonly kind: "trigger" | "rule" | "policy";
  readonly name: string;
  readonly table: string;
  /** For a trigger. */
  readonly function: string | null;
  /** The role that can change the code. */
  readonly owner: string;
  readonly trusted: boolean;
}

/** Triggers, rules and policies that a line names. */
const MOST_NAMED = 10;

/** Lists all that is enabled, with its owner; for a trigger, the owner of its function. */
export async function checkTableCode(sql: Reader, target: TableName): Promise<Check> {
  const name = "triggers";
  const found = await sql.unsafe<TableCode[]>(`
    with recursive ${usedTables(target)}, code as (
      select 'trigger' as kind, t.tgname as name, t.tgrelid as relation,
             pg_catalog.format('%I.%I()', n.nspname, p.proname) as function, p.proowner as owner
      from pg_catalog.pg_trigger t
      join pg_catalog.pg_proc p on p.oid operator(pg_catalog.=) t.tgfoid
      join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) p.pronamespace
      where not t.tgisinternal and t.tgenabled operator(pg_catalog.<>) 'D'
      union all
      select 'rule', w.rulename, w.ev_class, null, c.relowner
      from pg_catalog.pg_rewrite w join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) w.ev_class
      where w.rulename operator(pg_catalog.<>) '_RETURN' and w.ev_enabled operator(pg_catalog.<>) 'D'
      union all
      select 'policy', p.polname, p.polrelid, null, c.relowner
      from pg_catalog.pg_policy p join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) p.polrelid
      where c.relrowsecurity
    )
    select code.kind, pg_catalog.quote_ident(code.name) as name, pg_catalog.format('%I.%I', n.nspname, c.relname) as table,
           code.function, r.rolname::pg_catalog.text as owner, ${IS_TRUSTED} as trusted
    from code
    join used on used.oid operator(pg_catalog.=) code.relation
    join ${RELATIONS} on c.oid operator(pg_catalog.=) code.relation
    join pg_catalog.pg_roles r on r.oid operator(pg_catalog.=) code.owner
    order by trusted, 1, 3, 2`);
  if (found.length === 0) return ok(name, "none");
  const finding = named(found);
  const strangers = found.filter(({ trusted }) => !trusted);
  const functions = [...new Set(strangers.map((each) => each.function ?? each.table))];
  if (strangers.length === 0) return ok(name, finding);
  return warning(
    name,
    finding,
    `The owner of ${functions.slice(0, MOST_NAMED).join(", ")} is not you, a role that you are a member of, the database's owner or a superuser. ` +
      `The owner can change this code at any time, and it runs with your permissions. Drop the triggers, or run for each ` +
      "function: ALTER FUNCTION … OWNER TO a role that you trust.",
  );
}

function named(found: readonly TableCode[]): string {
  const texts = found.slice(0, MOST_NAMED).map((code) => {
    const runs = code.function === null ? "" : ` runs ${code.function},`;
    return `${code.kind} ${code.name} on ${code.table}${runs} owned by "${code.owner}"`;
  });
  const others = found.length - texts.length;
  return texts.join("; ") + (others > 0 ? `; and ${others} more` : "");
}

/** Whether everybody may create functions and operators in `public`, where triggers and most other code look names up. */
export async function checkPublicSchema(sql: Reader): Promise<Check> {
  const name = "public schema";
  const [found] = await sql.unsafe(
    `select 1 from pg_catalog.pg_namespace n where n.nspname operator(pg_catalog.=) 'public' and ${GRANTED_TO_ALL}`,
  );
  if (found === undefined) return ok(name, "only some roles can create objects in it");
  return warning(
    name,
    "every role can create objects in it",
    `Triggers and other code that use names without a schema may then run another role's function. As the schema's owner, run: ${REVOKE_CREATE};`,
  );
}
