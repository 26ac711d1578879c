// The SQL of `fetch-etl init --print`. Pure.
import {
  CREATION_LOCK,
  CREATION_TIMEOUT,
  IS_OUTDATED,
  MIGRATIONS,
  OUTDATED,
  setVersion,
} from "./migrations.ts";
import { identifier, literal, schemaName } from "./quote.ts";
import {
  COUNT_RIGHT,
  grant,
  grantUsage,
  PRUNE_RIGHT,
  PRUNE_RUNS_RIGHT,
  RECORD_RIGHTS,
  REVOKE_CREATE,
  rightsFor,
} from "./rights.ts";
import { createTarget, type Target } from "./target-table.ts";

/**
 * One transaction that creates what is missing, applies the migrations, and grants a role the rights of a drain. It can run again, and
 * runs on Postgres 10 and later.
 *
 * @param loaderRole created where it is missing, without a right to log in; without control characters
 */
export function initialSql(loaderRole: string, target: Target): string {
  const { table } = target;
  const role = identifier(loaderRole);
  // Everybody may use `public`, which exists.
  const schemas = ["fetch_etl", ...(table.schema === "public" ? [] : [table.schema])];
  const version = MIGRATIONS.length;
  return `-- What fetch-etl needs in its database: schemas, tables, and a role with the rights of a drain. Run it as a user who may create
-- schemas, tables and roles; that user owns the tables. It can run again.
begin;
${CREATION_TIMEOUT};
${block(`begin
  perform pg_catalog.pg_advisory_xact_lock(${CREATION_LOCK});
  if pg_catalog.to_regclass('fetch_etl.schema_version') is null then
    if ${IS_OUTDATED} then
      raise exception using message = ${literal(OUTDATED)};
    end if;
  elsif exists (select 1 from fetch_etl.schema_version where version operator(pg_catalog.>) ${version}) then
    raise exception 'A later version of fetch-etl migrated schema fetch_etl: print the SQL with that version.';
  end if;
end`)}

${schemas.map((schema) => `create schema if not exists ${schemaName(schema)};\n`).join("")}${createTarget(target)};
${MIGRATIONS.flat()
  .map(({ sql }) => `${sql};\n`)
  .join("")}${setVersion(version)};

-- The role cannot log in itself: grant it to the user who does, as in
--   create role etl login password '...' in role ${role};
${block(`begin
  if not exists (select from pg_catalog.pg_roles where rolname operator(pg_catalog.=) ${literal(loaderRole)}) then
    create role ${role} nologin;
  end if;
exception
  -- Another session created it at the same time, in another database of the server.
  when duplicate_object or unique_violation then null;
end`)}
${schemas.map((schema) => `${grantUsage(schema, loaderRole)}\n`).join("")}${rightsFor(table, true)
    .map((right) => `${grant(right, loaderRole)}\n`)
    .join(
      "",
    )}-- Optional: to record runs, to count the quarantine without its bodies, and to prune the ledger and the run history.
${[...RECORD_RIGHTS, COUNT_RIGHT, PRUNE_RIGHT, PRUNE_RUNS_RIGHT].map((right) => `${grant(right, loaderRole)}\n`).join("")}
-- Before Postgres 15, everybody may create functions and operators in public, and SQL of others may find them instead of Postgres's own.
${block(`begin
  ${REVOKE_CREATE};
exception
  when insufficient_privilege or invalid_schema_name then null;
end`)}
commit;
`;
}

/** A block of PL/pgSQL, with a dollar quote that does not occur in it. */
function block(body: string): string {
  let quote = "$$";
  for (let tries = 1; body.includes(quote); tries += 1) quote = `$block${tries}$`;
  return `do ${quote}\n${body}\n${quote};`;
}
