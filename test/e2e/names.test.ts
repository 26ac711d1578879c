// Whoever may make functions and operators in a schema of the search path must gain nothing by it.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { loadModule } from "libpg-query";
import type postgres from "postgres";
import { beforeAll, describe, expect, it } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { namesIn } from "../support/sql-names.ts";
import { recordStatements } from "../support/statement-recorder.ts";
import { asRole, login, REASON, withVault, type VaultBench } from "../support/vault.ts";

beforeAll(loadModule);

it.each([
  ["select count(*) from public.t", "function count"],
  ["select 1 from public.t where a = 1", "operator ="],
  ["select 1 from public.t where a in (1, 2)", "form AEXPR_IN"],
  ["select 1 from public.t where a in (select 1)", "operator  of a subquery"],
  ["select 1 from public.t where a between 1 and 2", "form AEXPR_BETWEEN"],
  ["select 1 from public.t where a is distinct from b", "form AEXPR_DISTINCT"],
  ["select 1 from public.t where (a, b) < (1, 2)", "operator <"],
  ["select nullif(a, b) from public.t", "form AEXPR_NULLIF"],
  ["select 1 from public.t where a like 'x'", "form AEXPR_LIKE"],
  ["select case a when 1 then 2 end from public.t", "form CASE x WHEN"],
  ["select 1 from public.t join public.u using (a)", "form JOIN USING"],
  ["select 1 from public.t natural join public.u", "form JOIN USING"],
  ["with t as (select 1) select * from t, u", "table u"],
  ["insert into t values (1)", "table t"],
  ["create table public.t (a text)", "type text"],
  ["select a::uuid[] from public.t", "type uuid"],
  ['select a collate "C" from public.t', "collation C"],
  ["create table public.t (a integer default now())", "function now"],
  ["do $$ begin perform f(); end $$", "function f"],
])("%s is told as a name that the search path decides", (sql, name) => {
  expect(namesIn(sql).unqualified).toContain(name);
});

it("takes what needs no search path", () => {
  const sql = `with t as (select pg_catalog.count(*) as n from public.u where a operator(pg_catalog.=) any ('{1}'))
    select n::bigint, n::pg_catalog.text collate pg_catalog."C", extract(epoch from b), coalesce(n, 1) from t`;
  expect(namesIn(sql).unqualified).toEqual([]);
});

/** Runs every command that sends SQL, each in the ways that send other statements. */
async function runAll(bench: VaultBench, databaseUrl: string): Promise<void> {
  const [second, third] = [randomBytes(32).toString("base64"), randomBytes(32).toString("base64")];
  const first = bench.env["FETCH_ETL_MASKING_KEY"] ?? "";
  const env = { DATABASE_URL: databaseUrl, FETCH_ETL_RECOVERY_RECIPIENT: bench.holder.recipient };
  const command = async (
    args: readonly string[],
    more: Readonly<Record<string, string | undefined>> = {},
  ): Promise<void> => {
    const { code, stderr } = await bench.run(args, { ...env, ...more });
    expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: expect.anything() });
  };
  const logins = [login("u-1", "192.0.2.1", "d-1"), login("u-2", "192.0.2.2", "d-2")];
  await command(["init"]);
  // The first drain adopts tables that have no version, and creates the vault.
  await bench.sql.unsafe(
    "drop table fetch_etl.schema_version, fetch_etl.vault_keys, fetch_etl.vault, fetch_etl.reveal_log, fetch_etl.reveal_outcomes, fetch_etl.remasked, fetch_etl.runs",
  );
  await bench.send([...generateMessages(30), ...logins.map((each) => JSON.stringify(each))]);
  await command(["drain"]);
  await bench.send(generateMessages(20, 2));
  await command(["drain"], { FETCH_ETL_RECOVERY_RECIPIENT: undefined });
  await command(["doctor"]);
  await command(["status"]);
  await command(["verify"]);
  await command(["verify", "--html", "/dev/null"]);
  await command(["quarantine", "list"]);
  const [held] = await bench.sql<
    { message_id: string }[]
  >`select message_id from fetch_etl.quarantine limit 1`;
  await command(["quarantine", "show", held?.message_id ?? ""]);
  await command(["quarantine", "show", "--raw", "--reason", REASON, held?.message_id ?? ""]);
  await bench.sql`
    insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, key_id, sealed)
    select queue, sent_at, message_id || 'x', reasons, key_id, sealed from fetch_etl.quarantine limit 1`;
  await bench.run(["quarantine", "replay", "--dry-run"], env);
  await bench.run(["quarantine", "replay"], env);
  const [row] = await bench.sql<{ ip: string; device: string }[]>`
    select masked_ip as ip, masked_device_id as device from public.user_logins where user_id = 'u-1'`;
  const { ip = "", device = "" } = row ?? {};
  const identity = ["--identity", bench.holder.file];
  await command(["reveal", ip, ...identity, "--reason", REASON]);
  await command(["forget", device, "--reason", REASON, "--yes"]);
  await command(["forget", "--where", "user_id=u-2", "--reason", REASON, "--dry-run"]);
  await command(["forget", "--where", "app_version=1.0", "--reason", REASON, "--dry-run"]);
  await command(["rotate", "--dry-run"], { FETCH_ETL_MASKING_KEY: `${second},${first}` });
  await command(["rotate", ...identity], { FETCH_ETL_MASKING_KEY: `${second},${first}` });
  await command(["reveal", ip, ...identity, "--reason", REASON], {
    FETCH_ETL_MASKING_KEY: `${second},${first}`,
  });
  await command(["rotate", ...identity], { FETCH_ETL_MASKING_KEY: `${third},${second},${first}` });
  await bench.sql`
    update fetch_etl.quarantine set quarantined_at = now() - interval '60 days'`;
  await command([
    "quarantine",
    "list",
    "--messages",
    "--reason",
    "missing",
    "--since",
    "90d",
    "--queue",
    "q",
  ]);
  await command(["quarantine", "purge", "--older-than", "30", "--never-replayed", "--yes"]);
  await command(["log"]);
}

/** What a stranger makes: the same, and better fitting, under every name, in `public`. Each notes that it ran. */
const TRAPS = `
do $traps$
declare
  f record; made integer := 0; kind text; arguments text; state text;
begin
  create sequence public.trapped;
  grant all on public.trapped to public;
  create function public.trap_state(bigint) returns bigint language plpgsql
    as 'begin perform pg_catalog.nextval(''public.trapped''); return 1; end';
  for f in
    select p.proname as name, p.proretset as many,
           pg_catalog.format_type(p.prorettype, null) as result,
           coalesce((select pg_catalog.string_agg(pg_catalog.format_type(t, null), ', ' order by i)
            from pg_catalog.unnest(p.proargtypes) with ordinality as a (t, i)), '') as arguments,
           exists (select from pg_catalog.pg_aggregate g where g.aggfnoid = p.oid) as aggregate
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'pg_catalog' and p.proname = any (string_to_array(current_setting('traps.functions'), ' '))
  loop
    foreach arguments in array array[
      f.arguments, replace(replace(f.arguments, 'anyarray', 'text[]'), 'anyelement', 'text'),
      replace(replace(f.arguments, 'anyarray', 'uuid[]'), 'anyelement', 'bigint'),
      replace(replace(f.arguments, 'anyarray', 'integer[]'), 'text', 'character varying'),
      replace(f.arguments, '"any"', 'text'), replace(f.arguments, '"any"', 'bigint'),
      replace(replace(f.arguments, '"any"', 'character varying'), 'anyarray', 'character varying[]')]
    loop
      begin
        if f.aggregate then
          if arguments <> '' then
            execute format('create or replace function public.trap_state(bigint, %s) returns bigint language plpgsql
              as ''begin perform pg_catalog.nextval(''''public.trapped''''); return 1; end''', arguments);
          end if;
          execute format('create aggregate public.%I (%s) (sfunc = public.trap_state, stype = bigint)', f.name,
            case arguments when '' then '*' else arguments end);
        else
          execute format('create function public.%I (%s) returns %s %s language plpgsql
            as ''begin perform pg_catalog.nextval(''''public.trapped''''); return; end''', f.name, arguments,
            case when f.many then 'setof' end, case when f.many then f.result else 'void' end);
        end if;
        made := made + 1;
      exception when others then null;
      end;
    end loop;
  end loop;
  for f in
    select o.oprname as name, pg_catalog.format_type(o.oprleft, null) as l, pg_catalog.format_type(o.oprright, null) as r,
           pg_catalog.format_type(o.oprresult, null) as result
    from pg_catalog.pg_operator o
    where o.oprnamespace = 'pg_catalog'::regnamespace and o.oprleft <> 0
      and o.oprname = any (string_to_array(current_setting('traps.operators'), ' '))
    union
    select name, l, r, 'boolean' from unnest(string_to_array(current_setting('traps.operators'), ' ')) as name,
      (values ('character varying', 'character varying'), ('character varying', 'text'), ('text', 'character varying'),
        ('name', 'text'), ('oid', 'regtype'), ('text[]', 'text[]')) as t (l, r)
  loop
    begin
      execute format('create function public.trap_operator(%s, %s) returns %s language plpgsql
        as ''begin perform pg_catalog.nextval(''''public.trapped''''); return null; end''', f.l, f.r, f.result);
    exception when others then null;
    end;
    begin
      execute format('create operator public.%s (leftarg = %s, rightarg = %s, procedure = public.trap_operator)', f.name, f.l, f.r);
      made := made + 1;
    exception when others then null;
    end;
  end loop;
end
$traps$`;

async function setTraps(
  attacker: postgres.Sql,
  functions: ReadonlySet<string>,
  operators: ReadonlySet<string>,
): Promise<void> {
  await attacker`select set_config('traps.functions', ${[...functions].join(" ")}, false),
                        set_config('traps.operators', ${[...operators].join(" ")}, false)`;
  await attacker.unsafe(TRAPS);
}

describe("every command", () => {
  it(
    "sends no name that the search path decides, and runs nothing that a stranger put into its way",
    () =>
      withVault(async (bench) => {
        const recorder = await recordStatements(bench.databaseUrl);
        const { default: connect } = await import("postgres");
        const { role, env } = await asRole(bench, "grant create on schema public to somebody");
        const attacker = connect(env.DATABASE_URL, {
          max: 1,
          onnotice: () => undefined,
          connection: { search_path: "pg_catalog" },
        });
        // The test's own statements take no care of names.
        const owner = connect(bench.databaseUrl, {
          max: 1,
          onnotice: () => undefined,
          connection: { search_path: "pg_catalog" },
        });
        try {
          await runAll({ ...bench, sql: owner }, recorder.url);
          const printed = await bench.run(["init", "--print"]);
          const texts = [
            ...recorder.statements,
            printed.stdout,
            await readFile(new URL("../../deploy/roles.sql", import.meta.url), "utf8"),
          ];
          expect(texts.length).toBeGreaterThan(60);
          const names = texts.map((sql) => ({ sql, ...namesIn(sql) }));
          expect(
            names
              .filter(({ unqualified }) => unqualified.length > 0)
              .map(({ sql, unqualified }) => ({ sql, unqualified })),
          ).toEqual([]);

          // The worst that can be: what is in public comes before what is Postgres's own.
          await bench.sql.unsafe(
            `alter database ${bench.databaseUrl.split("/").at(-1) ?? ""} set search_path = public, pg_catalog`,
          );
          const all = (of: "functions" | "operators"): Set<string> =>
            new Set(names.flatMap((each) => [...each[of]]));
          await setTraps(attacker, all("functions"), all("operators"));
          const [traps] = await attacker<{ functions: string[]; operators: string[] }[]>`
            select array(select distinct proname::text from pg_catalog.pg_proc where pronamespace = 'public'::regnamespace) as functions,
                   array(select distinct oprname::text from pg_catalog.pg_operator where oprnamespace = 'public'::regnamespace) as operators`;
          // A name without a trap would be one that this test does not look at.
          expect({
            functions: [...all("functions")].filter((name) => traps?.functions.includes(name) !== true),
            operators: [...all("operators")].filter((name) => traps?.operators.includes(name) !== true),
          }).toEqual({ functions: [], operators: [] });
          await bench.sql.unsafe("drop schema fetch_etl cascade; drop table public.user_logins");
          await runAll({ ...bench, sql: owner }, bench.databaseUrl);
          expect(await attacker`select is_called from public.trapped`).toEqual([{ is_called: false }]);
          expect(
            await attacker`
              select rolsuper, (select count(*) from pg_catalog.pg_auth_members m where m.member = r.oid)::integer as memberships,
                     has_schema_privilege(oid, 'fetch_etl', 'usage') as usage
              from pg_catalog.pg_roles r where rolname = ${role}`,
          ).toEqual([{ rolsuper: false, memberships: 0, usage: false }]);
        } finally {
          await attacker.end();
          await owner.end();
          await recorder.stop();
          await bench.sql.unsafe(`drop owned by ${role} cascade; drop role ${role}`);
        }
      }),
    300_000,
  );
});

it("refuses a table that a stranger owns, and names it, its owner and the way out", () =>
  withVault(async (bench) => {
    const { role } = await asRole(bench, "");
    try {
      await bench.sql.unsafe(
        `create schema fetch_etl authorization ${role}; create table public.user_logins (); alter table public.user_logins owner to ${role}`,
      );
      for (const args of [["init"], ["drain"]]) {
        const { code, stderr } = await bench.run(args);
        expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(role) });
        expect(stderr).toContain("ALTER SCHEMA fetch_etl OWNER TO");
      }
    } finally {
      await bench.sql.unsafe(`drop owned by ${role} cascade; drop role ${role}`);
    }
  }));
