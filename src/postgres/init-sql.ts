// Everything that the commands need in the database, as SQL for psql or a migration. Pure: tables and rights are those of
// `tables.ts` and `rights.ts`.
import type { TableName } from "../config/table.ts";
import { identifier, literal, schemaName } from "./quote.ts";
import { grant, grantUsage, PRUNE_RIGHT, REVOKE_CREATE, rightsFor } from "./rights.ts";
import { allTables, CREATION_LOCK, CREATION_PATIENCE, LATER_COLUMNS, LEDGER_UPGRADE } from "./tables.ts";

/**
 * One transaction that makes what is missing and gives a role the rights of a drain. It can be run again, and runs on Postgres 10
 * and later.
 *
 * @param loaderRole made where it is missing, without a right to log in; without control characters
 */
export function initialSql(loaderRole: string, logins: TableName): string {
  const role = identifier(loaderRole);
  // Everybody may use `public`, which is there.
  const schemas = ["fetch_etl", ...(logins.schema === "public" ? [] : [logins.schema])];
  return `-- What fetch-etl needs in its database: schema, tables, and a role that may load and no more. Run it as a user who may make
-- schemas, tables and roles; that user owns the tables. It can be run again.
begin;
${CREATION_PATIENCE};
${block(`begin
  perform pg_catalog.pg_advisory_xact_lock(${CREATION_LOCK});
end`)}

-- A ledger that an earlier version made gets another key.
${block(`begin
  if pg_catalog.to_regclass('fetch_etl.ledger') is not null and not exists (
    select 1 from pg_catalog.pg_index
    where indisvalid and indexrelid operator(pg_catalog.=) pg_catalog.to_regclass('fetch_etl.ledger_message')
  ) then
    ${LEDGER_UPGRADE.dropUnfinished};
    ${LEDGER_UPGRADE.removeRepeated};
  end if;
end`)}

${schemas.map((schema) => `create schema if not exists ${schemaName(schema)};\n`).join("")}${allTables(logins)
    .map(({ create }) => `${create};\n`)
    .join("")}-- For tables that an earlier version made.
${LATER_COLUMNS.map(({ add }) => `${add};`).join("\n")}
${LEDGER_UPGRADE.dropEarlier};

-- The role cannot log in itself: grant it to the user who does, as in
--   create role etl login password '...' in role ${role};
${block(`begin
  if not exists (select from pg_catalog.pg_roles where rolname operator(pg_catalog.=) ${literal(loaderRole)}) then
    create role ${role} nologin;
  end if;
exception
  -- In another database of the same server somebody did the same.
  when duplicate_object or unique_violation then null;
end`)}
${schemas.map((schema) => `${grantUsage(schema, loaderRole)}\n`).join("")}${rightsFor(logins, true)
    .map((right) => `${grant(right, loaderRole)}\n`)
    .join("")}-- Prunes the ledger; may be left out.
${grant(PRUNE_RIGHT, loaderRole)}

-- Before Postgres 15 everybody may make functions and operators in public, and others' SQL may find them in place of Postgres's own.
${block(`begin
  ${REVOKE_CREATE};
exception
  when insufficient_privilege or invalid_schema_name then null;
end`)}
commit;
`;
}

/** A block of PL/pgSQL, between dollar signs that do not end within it. */
function block(body: string): string {
  let quote = "$$";
  for (let tries = 1; body.includes(quote); tries += 1) quote = `$block${tries}$`;
  return `do ${quote}\n${body}\n${quote};`;
}
