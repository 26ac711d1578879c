// Everything that the commands need in the database, as SQL for psql or a migration. Pure: tables and rights are those of
// `tables.ts` and `rights.ts`.
import { identifier, literal } from "./quote.ts";
import { grant, grantUsage, PRUNE_RIGHT, rightsFor } from "./rights.ts";
import { ALL_TABLES, CREATION_LOCK, CREATION_PATIENCE, LATER_COLUMNS } from "./tables.ts";

/**
 * One transaction that makes what is missing and gives a role the rights of a drain. It can be run again, and runs on Postgres 10
 * and later.
 *
 * @param loaderRole made where it is missing, without a right to log in; without control characters
 */
export function initialSql(loaderRole: string): string {
  const role = identifier(loaderRole);
  return `-- What fetch-etl needs in its database: schema, tables, and a role that may load and no more. Run it as a user who may make
-- schemas, tables and roles; that user owns the tables. It can be run again.
begin;
${CREATION_PATIENCE};
${block(`begin
  perform pg_advisory_xact_lock(${CREATION_LOCK});
end`)}

create schema if not exists fetch_etl;
${ALL_TABLES.map(({ create }) => `${create};\n`).join("")}-- For tables that an earlier version made.
${LATER_COLUMNS.map(({ add }) => `${add};`).join("\n")}

-- The role cannot log in itself: grant it to the user who does, as in
--   create role etl login password '...' in role ${role};
${block(`begin
  if not exists (select from pg_catalog.pg_roles where rolname = ${literal(loaderRole)}) then
    create role ${role} nologin;
  end if;
exception
  -- In another database of the same server somebody did the same.
  when duplicate_object or unique_violation then null;
end`)}
${grantUsage("fetch_etl", loaderRole)}
${rightsFor(true)
  .map((right) => `${grant(right, loaderRole)}\n`)
  .join("")}-- Prunes the ledger; may be left out.
${grant(PRUNE_RIGHT, loaderRole)}
commit;
`;
}

/** A block of PL/pgSQL, between dollar signs that do not end within it. */
function block(body: string): string {
  let quote = "$$";
  for (let tries = 1; body.includes(quote); tries += 1) quote = `$block${tries}$`;
  return `do ${quote}\n${body}\n${quote};`;
}
