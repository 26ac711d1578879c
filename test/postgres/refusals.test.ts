// What Postgres refuses: whether the row, the table, the length of a batch or the server is at fault, for each error that a load can meet.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { initialise } from "../../src/postgres/init.ts";
import { openLoader, type PostgresLoader } from "../../src/postgres/load.ts";
import { createTarget } from "../../src/postgres/target-table.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";
import { bisect, outcome, rejection, row, type LoginColumns } from "./entries.ts";

let databases: Databases;
let database: Database;
let loader: PostgresLoader;

beforeAll(async () => {
  databases = await openDatabases();
  database = await databases.make();
  await initialise(database.settings);
  loader = await openLoader(database.settings, "arn:first");
  await change(`
    create schema others; create table others.users (user_id varchar(128) primary key);
    grant usage, create on schema others to etl; grant select on others.users to etl; insert into others.users values ('a'), ('b');
    create sequence others.full_up maxvalue 2; grant usage on others.full_up to etl; select setval('others.full_up', 2);
    create table others.secret (); create table others.quarantine (like fetch_etl.quarantine including all);
    create function others.refuse() returns trigger language plpgsql as $$ begin
      if new.user_id = 'bad' then raise exception '192.0.2.77' using errcode = tg_argv[0]; end if; return new; end $$;
    create function others.refuse_all() returns trigger language plpgsql as $$ begin raise exception '192.0.2.77' using errcode = tg_argv[0]; end $$`);
});
afterAll(async () => {
  await loader.close();
  await databases.dispose();
});

/** As the superuser; `etl` stands for the role that loads. */
async function change(sql: string): Promise<void> {
  await database.sql.unsafe(sql.replaceAll(/\betl\b/g, databases.role));
}

beforeEach(async () => {
  await change(`
    drop schema public cascade; create schema public authorization etl;
    ${createTarget(database.settings)}; alter table public.user_logins owner to etl;
    truncate fetch_etl.ledger; drop table fetch_etl.quarantine; create table fetch_etl.quarantine (like others.quarantine including all);
    alter table fetch_etl.quarantine owner to etl`);
});

const COLUMNS = `user_id varchar(128), device_type varchar(32), masked_ip varchar(256), masked_device_id varchar(256),
  locale varchar(32), app_version integer, create_date date`;

/** A trigger function's body for each row. */
const trigger = (body: string): string => `
  create or replace function others.body() returns trigger language plpgsql as $$ ${body} $$;
  create trigger t before insert on public.user_logins for each row execute procedure others.body()`;
const forBad = (statement: string): string =>
  trigger(`begin if new.user_id = 'bad' then ${statement}; end if; return new; end`);
const raising = (code: string): string =>
  `create trigger t before insert on public.user_logins for each row execute procedure others.refuse('${code}')`;

/** The rows that are stored, and the messages that the ledger has. */
async function stored(): Promise<{ rows: string[]; ledger: string[] }> {
  const rows = await database.sql<{ id: string }[]>`select user_id as id from public.user_logins order by 1`;
  const ledger = await database.sql<
    { id: string }[]
  >`select message_id as id from fetch_etl.ledger order by 1`;
  return { rows: rows.map(({ id }) => id), ledger: ledger.map(({ id }) => id) };
}

const NOTHING = { rows: [], ledger: [] };

interface RowCase {
  readonly code: string;
  readonly what: string;
  readonly sql: string;
  readonly columns?: Partial<LoginColumns>;
  readonly column?: string;
  readonly constraint?: string;
  readonly at?: "value" | "row" | "table";
}

/** For the names of the tests. */
function named<T extends { readonly code: string; readonly what: string }>(
  cases: readonly T[],
): (readonly [code: string, what: string, each: T])[] {
  return cases.map((each) => [each.code, each.what, each]);
}

describe("a row that Postgres refuses for its values is the only one that is left out", () => {
  it.each(
    named<RowCase>([
      {
        code: "22001",
        what: "longer than the column",
        sql: "alter table public.user_logins alter locale type varchar(2)",
        columns: { locale: "en_GB" },
      },
      { code: "22003", what: "a number out of range", sql: "", columns: { app_version: 3_000_000_000 } },
      {
        code: "22008",
        what: "a day that is not in the calendar",
        sql: "",
        columns: { create_date: "2026-02-30" },
      },
      { code: "22007", what: "a day in words", sql: "", columns: { create_date: "a day" } },
      {
        code: "22P02",
        what: "a trigger that reads a number",
        sql: trigger("begin perform new.device_type::integer; return new; end"),
        columns: { device_type: "x" },
      },
      {
        code: "22012",
        what: "a trigger that divides",
        sql: trigger("begin perform 1 / coalesce(new.app_version, 1); return new; end"),
        columns: { app_version: 0 },
      },
      {
        code: "22021",
        what: "a NUL character",
        sql: "",
        columns: { locale: "a\0b" },
        column: "locale",
        at: "value",
      },
      {
        code: "23502",
        what: "a column that must not be null",
        sql: "alter table public.user_logins alter app_version set not null",
        columns: { app_version: null },
        column: "app_version",
      },
      {
        code: "23502",
        what: "a domain that must not be null",
        sql: "create domain others.filled as varchar not null; alter table public.user_logins alter locale type others.filled",
        columns: { locale: null },
      },
      {
        code: "23503",
        what: "a foreign key",
        sql: "alter table public.user_logins add constraint known foreign key (user_id) references others.users",
        constraint: "known",
      },
      {
        code: "23505",
        what: "a unique index",
        sql: "create unique index once on public.user_logins (user_id); insert into public.user_logins values ('bad')",
        constraint: "once",
      },
      {
        code: "23505",
        what: "a constraint that is checked at the commit",
        sql: "alter table public.user_logins add constraint once unique (user_id) deferrable initially deferred; insert into public.user_logins values ('bad')",
        constraint: "once",
      },
      {
        code: "23505",
        what: "a primary key of the user's own",
        sql: "alter table public.user_logins add primary key (user_id); insert into public.user_logins values ('bad')",
        constraint: "user_logins_pkey",
      },
      {
        code: "23P01",
        what: "an exclusion constraint",
        sql: "alter table public.user_logins add constraint apart exclude using btree (user_id with =); insert into public.user_logins values ('bad')",
        constraint: "apart",
      },
      {
        code: "23514",
        what: "a check",
        sql: "alter table public.user_logins add constraint short check (length(locale) <= 2)",
        columns: { locale: "en_GB" },
        constraint: "short",
      },
      {
        code: "23514",
        what: "a check of a domain",
        sql: "create domain others.short as varchar constraint short check (length(value) <= 2); alter table public.user_logins alter locale type others.short",
        columns: { locale: "en_GB" },
        constraint: "short",
      },
      {
        code: "44000",
        what: "a view with a check option",
        sql: "alter table public.user_logins rename to behind; create view public.user_logins as select * from public.behind where app_version = 1 with check option; alter view public.user_logins owner to etl",
        columns: { app_version: 2 },
      },
      {
        code: "54000",
        what: "an index that takes no long value",
        sql: "alter table public.user_logins alter device_type type text, alter device_type set storage external; create index on public.user_logins (device_type)",
        columns: { device_type: "x".repeat(9000) },
      },
      {
        code: "P0001",
        what: "a trigger that raises an exception",
        sql: forBad("raise exception '192.0.2.77'"),
      },
      {
        code: "P0003",
        what: "a trigger that finds two rows",
        sql: forBad("select user_id into strict new.locale from others.users"),
      },
      { code: "P0004", what: "a trigger that asserts", sql: forBad("assert false") },
      {
        code: "20000",
        what: "a trigger without a case for it",
        sql: forBad("case new.user_id when 'a' then null; end case"),
      },
      {
        code: "21000",
        what: "a trigger with a subquery of two rows",
        sql: forBad("new.locale := (select user_id from others.users)"),
      },
      {
        code: "23514",
        what: "a partition that is missing, beside others that are there",
        at: "table",
        columns: { app_version: 2 },
        sql: `alter table public.user_logins rename to behind; create table public.user_logins (like public.behind) partition by list (app_version);
        create table others.one partition of public.user_logins for values in (1); alter table public.user_logins owner to etl; alter table others.one owner to etl`,
      },
      ...["22023", "23000", "38000", "39000", "44000", "45010", "54001", "P0002"].map((code) => ({
        code,
        what: "a trigger's own code",
        sql: raising(code),
      })),
      ...[
        "0A000",
        "22000",
        "2F005",
        "27000",
        "3F000",
        "42501",
        "42883",
        "42P01",
        "55000",
        "HV000",
        "XX000",
        "XX001",
        "ZZ999",
      ].map((code) => ({
        code,
        what: "a trigger's own code, also for what a table lacks",
        sql: raising(code),
        ...(code === "22000" ? {} : { at: "table" as const }),
      })),
    ]),
  )("%s: %s", async (_code, _what, { code, sql, columns = {}, column, constraint, at = "row" }) => {
    await change(sql);
    const { rows: before } = await stored();
    const good = { app_version: 1, locale: "en" };
    const refused = await outcome(loader.load([row("bad", { ...good, ...columns })]));
    expect(refused).toMatchObject({ at, code });
    if (column !== undefined) expect(refused).toMatchObject({ column });
    expect(refused.constraint).toBe(constraint);
    expect(refused.message).not.toContain("192.0.2.77");
    expect(await stored()).toEqual({ rows: before, ledger: [] });

    const batch = [
      row("a", good),
      row("bad", { ...good, ...columns }),
      row("b", { ...good, locale: null, ...(sql.includes("filled") ? good : {}) }),
    ];
    expect(await bisect(loader, batch)).toEqual(["bad"]);
    expect(await stored()).toEqual({ rows: ["a", "b", ...before], ledger: ["a", "b"] });
  });
});

interface TableCase {
  readonly code: string;
  readonly what: string;
  readonly sql: string;
  /** `configuration` where somebody has to change something. */
  readonly kind?: "unavailable";
  readonly says?: string;
}

describe("a table that takes no row is named, and no row is blamed", () => {
  it.each(
    named<TableCase>([
      {
        code: "23514",
        what: "a table without partitions",
        says: "A partition may be missing.",
        sql: `drop table public.user_logins; create table public.user_logins (${COLUMNS}) partition by list (app_version); alter table public.user_logins owner to etl`,
      },
      {
        code: "2200H",
        what: "a sequence without numbers",
        sql: "alter table public.user_logins add number bigint default nextval('others.full_up')",
      },
      {
        code: "42501",
        what: "a sequence without the right to use it",
        says: "lacks a permission for writing rows (SQLSTATE 42501)",
        sql: "create sequence public.closed; alter table public.user_logins add number bigint default nextval('public.closed')",
      },
      {
        code: "42501",
        what: "a right that is taken away",
        says: "lacks a permission for writing rows (SQLSTATE 42501)",
        sql: "alter table public.user_logins owner to postgres",
      },
      {
        code: "42501",
        what: "a trigger without a right of its own",
        says: "lacks a permission for writing rows (SQLSTATE 42501)",
        sql: trigger("begin perform from others.secret; return new; end"),
      },
      {
        code: "42703",
        what: "a column that is gone",
        sql: "alter table public.user_logins drop column locale",
      },
      {
        code: "42804",
        what: "a column of another type",
        sql: "alter table public.user_logins alter create_date type integer using 1",
      },
      {
        code: "428C9",
        what: "a column that Postgres fills itself",
        sql: "alter table public.user_logins alter app_version set not null, alter app_version add generated always as identity",
      },
      { code: "42P01", what: "a table that is gone", sql: "drop table public.user_logins" },
      { code: "42P01", what: "a ledger that is gone", sql: "alter table fetch_etl.ledger rename to gone" },
      {
        code: "42703",
        what: "a trigger that reads a column that is not there",
        sql: trigger("begin perform new.nothing; return new; end"),
      },
      {
        code: "42883",
        what: "a trigger that calls a function that is not there",
        sql: trigger("begin perform nothing(); return new; end"),
      },
      {
        code: "3F000",
        what: "a trigger that calls a function in a schema that is not there",
        sql: trigger("begin perform nowhere.nothing(); return new; end"),
      },
      { code: "2F005", what: "a trigger that forgets to return", sql: trigger("begin end") },
      {
        code: "55000",
        what: "a view that takes no rows",
        sql: "alter table public.user_logins rename to behind; create view public.user_logins as select * from public.behind limit 1; alter view public.user_logins owner to etl",
      },
      {
        code: "0A000",
        what: "a rule",
        sql: "create rule quiet as on insert to public.user_logins do instead nothing",
      },
      ...[
        "09000",
        "0A000",
        "0P000",
        "0Z002",
        "24000",
        "27000",
        "2BP01",
        "2F002",
        "34000",
        "3F000",
        "42P17",
      ].map((code) => ({ code, what: "a trigger's own code for every row", sql: raising(code) })),
      ...["55006", "72000", "HV00N", "XX000", "XX002"].map((code) => ({
        code,
        what: "a trigger's own code that may pass",
        sql: raising(code),
        kind: "unavailable" as const,
        says: `Postgres refused a statement while writing rows (SQLSTATE ${code}).`,
      })),
    ]),
  )("%s: %s", async (_code, _what, { code, sql, kind = "configuration", says }) => {
    await change(sql);
    const batch = [row("bad"), row("bad", {}, { messageId: "also bad" })];
    const refused = await outcome(loader.load(batch));
    expect(refused).toMatchObject({ at: "table", code, kind });
    expect(refused.message).toContain(
      says ?? `(SQLSTATE ${code}), and a retry would not help. Check table public.user_logins`,
    );
    expect(await outcome(bisect(loader, batch))).toMatchObject({
      at: "sentence",
      kind,
      message: refused.message,
    });
    await change("alter table if exists fetch_etl.gone rename to ledger");
    expect(await database.sql`select from fetch_etl.ledger`).toHaveLength(0);
  });
});

describe("what is no row's fault and may pass is the server's", () => {
  it.each([
    ["08006", "a connection that broke"],
    ["08P01", "a pooler that is full"],
    ["40001", "a transaction that could not be serialized"],
    ["40P01", "a deadlock"],
    ["53100", "a disk that is full"],
    ["53200", "memory that is used up"],
    ["53300", "connections that are used up"],
    ["53400", "a limit of the configuration"],
    ["55P03", "a lock that was not granted"],
    ["57P01", "a server that shuts down"],
    ["57P03", "a server that starts up"],
    ["57P05", "a session that was idle"],
    ["25006", "a server that is read-only"],
    ["25P03", "a transaction that was idle"],
    ["25P04", "a transaction that took too long"],
  ])("%s: %s", async (code) => {
    await change(raising(code));
    const lost = await outcome(loader.load([row("bad"), row("a")]));
    expect(lost).toMatchObject({
      at: "server",
      kind: "unavailable",
      message: expect.stringContaining(`(${code})`),
    });
    expect(await stored()).toEqual(NOTHING);
    await change("drop trigger t on public.user_logins");
    expect(await loader.load([row("bad"), row("a")])).toEqual({ loaded: 2, quarantined: 0, duplicates: 0 });
  });

  it("57P01: a session that is terminated, after which the next load has another one", async () => {
    await change(
      trigger("begin perform pg_terminate_backend(pg_backend_pid()); return new; end").replace(
        "plpgsql",
        "plpgsql security definer",
      ),
    );
    expect(await outcome(loader.load([row("a")]))).toMatchObject({ at: "server", kind: "unavailable" });
    await change("drop trigger t on public.user_logins");
    expect(await loader.load([row("a")])).toEqual({ loaded: 1, quarantined: 0, duplicates: 0 });
  });
});

describe("57014: a statement that is cancelled", () => {
  /** Cancels a statement of more rows than these. */
  const patience = (rows: number): string => `
    create or replace function others.count() returns trigger language plpgsql as $$ begin
      if (select count(*) from added) > ${rows} then raise exception 'no' using errcode = '57014'; end if; return null; end $$;
    create trigger t after insert on public.user_logins referencing new table as added for each statement execute procedure others.count()`;
  const IDS = ["a", "b", "c", "d", "e", "f", "g"];

  it.each([6, 4, 3, 2, 1])("is written in parts where Postgres takes %i rows at once", async (rows) => {
    await change(patience(rows));
    expect(await outcome(loader.load(IDS.map((id) => row(id))))).toMatchObject({
      at: "statement",
      kind: "unavailable",
      message: expect.stringContaining("statement_timeout is too short"),
    });
    expect(
      await bisect(
        loader,
        IDS.map((id) => row(id)),
      ),
    ).toEqual([]);
    expect(await stored()).toEqual({ rows: IDS, ledger: IDS });
  });

  it("is nobody's row also where Postgres takes none", async () => {
    await change(patience(0));
    expect(
      await outcome(
        bisect(
          loader,
          IDS.map((id) => row(id)),
        ),
      ),
    ).toMatchObject({ at: "sentence", kind: "unavailable" });
    expect(await stored()).toEqual(NOTHING);
  });

  it("is written in parts by the server's own limit", async () => {
    await change(trigger("begin perform pg_sleep(0.1); return new; end"));
    await change(`alter role etl set statement_timeout = '250ms'`);
    const limited = await openLoader(database.settings, "arn:first");
    await change("alter role etl reset statement_timeout");
    expect(
      await bisect(
        limited,
        IDS.slice(0, 4).map((id) => row(id)),
      ),
    ).toEqual([]);
    await limited.close();
    expect((await stored()).rows).toEqual(IDS.slice(0, 4));
  });
});

describe("a rejection that the quarantine refuses is the quarantine's fault", () => {
  it.each(
    named([
      {
        code: "22001",
        what: "a column that is too narrow",
        sql: "alter table fetch_etl.quarantine alter message_id type varchar(2)",
      },
      {
        code: "23502",
        what: "a column that nothing fills",
        sql: "alter table fetch_etl.quarantine add extra text not null",
      },
      { code: "23505", what: "a message that is there already", sql: "" },
      {
        code: "23514",
        what: "a check",
        sql: "alter table fetch_etl.quarantine add constraint never check (false)",
      },
      {
        code: "P0001",
        what: "a trigger",
        sql: "create trigger t before insert on fetch_etl.quarantine for each row execute procedure others.refuse_all('P0001')",
      },
      {
        code: "42703",
        what: "a column that is gone",
        sql: "alter table fetch_etl.quarantine drop column sealed",
      },
    ]),
  )("%s: %s", async (_code, _what, { code, sql }) => {
    await change(sql);
    if (sql === "") await loader.load([rejection("bad")]);
    await change("truncate fetch_etl.ledger");
    const refused = await outcome(loader.load([rejection("bad")]));
    expect(refused).toMatchObject({
      code,
      kind: "configuration",
      message: expect.stringContaining("the tables in schema fetch_etl"),
    });
    expect((await stored()).ledger).toEqual([]);
  });
});
