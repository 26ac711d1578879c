// Tables that can take no row: told before anything is received, with exit code 2.
import { expect, it } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { json, makeTables, withBench } from "../support/bench.ts";

const COLUMNS = `user_id varchar(128), device_type varchar(32), masked_ip varchar(256), masked_device_id varchar(256),
  locale varchar(32), app_version integer`;
const NO_ROWS = "Postgres takes no rows into";

it.each([
  [
    "a view of two tables",
    "create view odd as select a.*, b.app_version as other from user_logins a join user_logins b using (user_id)",
    NO_ROWS,
  ],
  ["a materialized view", "create materialized view odd as select * from user_logins", NO_ROWS],
  [
    "a table with a generated column",
    `create table odd (${COLUMNS}, create_date date generated always as (date '2030-01-01') stored)`,
    "create_date is filled by Postgres itself",
  ],
  [
    "a table that is too narrow for a token",
    `create table odd (${COLUMNS.replace("masked_ip varchar(256)", "masked_ip varchar(54)")}, create_date date)`,
    "masked_ip holds 54 characters, and a token has 55",
  ],
  [
    "a table with an identity for a column",
    `create table odd (${COLUMNS.replace("app_version integer", "app_version integer generated always as identity")}, create_date date)`,
    "app_version is filled by Postgres itself",
  ],
])("%s is told by doctor and by a drain, which receives nothing", (what, create, sentence) =>
  withBench(async (bench) => {
    await makeTables(bench);
    // Postgres has them since version 12.
    const [server] = await bench.sql<{ version: number }[]>`
      select current_setting('server_version_num')::int as version`;
    if (what.includes("generated") && (server?.version ?? 0) < 120_000) return;
    await bench.sql.unsafe(create);
    await bench.send(generateMessages(20));
    const doctor = await bench.run(["doctor", "--table", "public.odd"]);
    expect(doctor).toMatchObject({ code: 2, stdout: expect.stringContaining(sentence) });
    const drained = await bench.run(["drain", "--table", "public.odd"]);
    expect(drained).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(sentence) });
    expect(await bench.contents()).toEqual({ ready: 20, inflight: 0, delayed: 0 });
  }),
);

it.each([
  ["a view that Postgres writes through", "create view odd as select * from user_logins"],
  [
    "a view with a trigger that writes",
    `create view odd as select a.* from user_logins a join user_logins b using (user_id);
     create function into_logins() returns trigger language plpgsql as $$
       begin insert into user_logins select new.*; return new; end $$;
     create trigger t instead of insert on odd for each row execute procedure into_logins()`,
  ],
])("%s takes rows", (_what, create) =>
  withBench(async (bench) => {
    await makeTables(bench);
    await bench.sql.unsafe(create);
    await bench.send(generateMessages(20));
    expect((await bench.run(["doctor", "--table", "public.odd"])).code).toBe(0);
    const drained = await bench.run(["drain", "--table", "public.odd", "--json"]);
    expect(json(drained)).toMatchObject({ loaded: 19, quarantined: 1 });
  }),
);

it("a table that a crash empties takes rows, and a drain warns of it", () =>
  withBench(async (bench) => {
    await bench.sql.unsafe(`create unlogged table user_logins (${COLUMNS}, create_date date)`);
    await bench.send(generateMessages(20));
    const drained = await bench.run(["drain", "--json", "--quiet"]);
    expect(json(drained)).toMatchObject({ loaded: 19, quarantined: 1 });
    expect(drained.stderr).toContain("ALTER TABLE public.user_logins SET LOGGED;");
  }));

it("a table that stops taking rows in mid-run is told likewise, and nothing is lost", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    await bench.sql.unsafe(`
      create function refuse() returns trigger language plpgsql as $$
        begin raise exception 'not now' using errcode = '0A000'; end $$;
      create trigger t before insert on user_logins for each row execute procedure refuse()`);
    await bench.send(generateMessages(20));
    const drained = await bench.run(["drain"]);
    expect(drained).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("(SQLSTATE 0A000), and a retry would not help"),
    });
    expect(await bench.contents()).toEqual({ ready: 20, inflight: 0, delayed: 0 });
  }));

it.each(["20000", "42501", "45010", "XX000"])(
  "one row that a trigger refuses with SQLSTATE %s is quarantined, and the others load",
  (code) =>
    withBench(async (bench) => {
      await makeTables(bench);
      await bench.sql.unsafe(`
        create function refuse() returns trigger language plpgsql as $$
          begin if new.user_id = 'bad' then raise exception 'no' using errcode = '${code}'; end if; return new; end $$;
        create trigger t before insert on user_logins for each row execute procedure refuse()`);
      const nothing = { app_version: null, device_type: null, ip: null, locale: null, device_id: null };
      const users = [...Array.from({ length: 20 }, (_, index) => `u${index}`), "bad"];
      await bench.send(users.map((user) => JSON.stringify({ user_id: user, ...nothing })));
      expect(json(await bench.run(["drain", "--json"]))).toMatchObject({
        loaded: 20,
        quarantined: 1,
        deleted: 21,
      });
    }),
);

it("a rejection that the quarantine refuses is told with an exit code of the table, and stays in the queue", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    await bench.sql.unsafe("alter table fetch_etl.quarantine add constraint never check (false)");
    await bench.send(["no JSON"]);
    const refused = await bench.run(["drain"]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("SQLSTATE 23514") });
    expect(await bench.contents()).toEqual({ ready: 1, inflight: 0, delayed: 0 });
  }));
