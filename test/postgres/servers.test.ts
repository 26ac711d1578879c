// Several servers: which of them a session is opened with, and what happens when the primary is lost.
import { once } from "node:events";
import { connect as connectTo, createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readDatabase, type DatabaseSettings } from "../../src/config/database.ts";
import { Failure } from "../../src/failure.ts";
import { connect } from "../../src/postgres/connection.ts";
import { checkDatabase } from "../../src/postgres/doctor.ts";
import { asFailure } from "../../src/postgres/errors.ts";
import { chooseServer, type ServerState } from "../../src/postgres/servers.ts";
import { generateMessages } from "../../sandbox/messages.ts";
import { json, withBench } from "../support/bench.ts";
import { withFolder } from "../support/folder.ts";
import { endTogether } from "../support/postgres-relay.ts";
import { sourcesOf } from "../support/sources.ts";
import { withStandby, type Pair } from "../support/standby.ts";
import { reading } from "../config/told.ts";

function settingsFor(hosts: string, parameters = "", login = "postgres:postgres"): DatabaseSettings {
  const url = `postgres://${login}@${hosts}/postgres?${parameters}`;
  const { value } = reading((problems) => readDatabase(sourcesOf({ DATABASE_URL: url }), problems));
  if (value === undefined) throw new Error("no settings");
  return value;
}

const PRIMARY = { isStandby: false, isReadOnly: false };
const STANDBY = { isStandby: true, isReadOnly: true };
const LOCKED = { isStandby: false, isReadOnly: true };
const STATES: Readonly<Record<string, ServerState>> = {
  p: PRIMARY,
  q: PRIMARY,
  s: STANDBY,
  t: STANDBY,
  l: LOCKED,
};

async function ask({ host }: DatabaseSettings): Promise<ServerState> {
  const state = STATES[host];
  if (state !== undefined) return Promise.resolve(state);
  if (host === "refused") throw new Failure("configuration", "rejected the login");
  throw new Failure("unavailable", "is away", Object.assign(new Error(), { code: "ECONNREFUSED" }));
}

describe("of several servers is chosen", () => {
  it.each([
    ["p,s", "any", "p"],
    ["s,p", "any", "s"],
    ["x,s", "any", "s"],
    ["s,l,p", "read-write", "p"],
    ["p,s", "read-only", "s"],
    ["p,l", "read-only", "l"],
    ["s,l,p", "primary", "l"],
    ["p,l,x,t", "standby", "t"],
    ["p,s", "prefer-standby", "s"],
    ["x,p,q", "prefer-standby", "p"],
    ["s", "standby", "s"],
  ])("of %s with %s: %s", async (hosts, target, chosen) => {
    const settings = settingsFor(hosts, `target_session_attrs=${target}`);
    expect(await chooseServer(settings, ask)).toMatchObject({ host: chosen, others: [] });
  });

  it("none, where none is what it must be, and each is named with the reason", async () => {
    const settings = settingsFor("x,s:1,l", "target_session_attrs=read-write");
    await expect(chooseServer(settings, ask)).rejects.toMatchObject({
      kind: "unavailable",
      message:
        "No server in DATABASE_URL can be used: x:5432 (ECONNREFUSED), s:1 (standby), l:5432 (read-only primary). " +
        "Check that one is running and is what target_session_attrs asks for, read-write.",
    });
  });

  it("none after the first that rejects the login", async () => {
    await expect(chooseServer(settingsFor("x,refused,p"), ask)).rejects.toMatchObject({
      kind: "configuration",
    });
  });

  it("any of them first, with load_balance_hosts=random", async () => {
    const settings = settingsFor("p,q,s", "load_balance_hosts=random");
    const first = async (...numbers: number[]): Promise<string> =>
      (await chooseServer(settings, ask, () => numbers.shift() ?? 0)).host;
    expect([await first(0, 0.9, 0.9), await first(0, 0, 0.9), await first(0, 0, 0)]).toEqual(["p", "q", "s"]);
  });

  it("the only one without a question, where it may be anything", async () => {
    const never = (): never => {
      throw new Error("asked");
    };
    expect(await chooseServer(settingsFor("x"), never)).toMatchObject({ host: "x" });
  });
});

/** Opens a session, and gives the port of its server, or the sentence. */
async function portOf(settings: DatabaseSettings): Promise<number | string> {
  const { sql, close } = connect(settings);
  try {
    const [row] = await sql<{ port: number }[]>`select current_setting('port')::integer as port`;
    return row?.port ?? 0;
  } catch (error) {
    return asFailure(error, settings, "asking").message;
  } finally {
    await close();
  }
}

describe("with a primary and a standby", () => {
  let pair: Pair;
  let silent: Server;
  let hosts: string;
  let finish: () => void;
  let finished: Promise<unknown>;

  beforeAll(async () => {
    silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(silent, "listening");
    await new Promise<void>((resolve, reject) => {
      finished = withStandby(async (started) => {
        pair = started;
        resolve();
        await new Promise<void>((end) => (finish = end));
      });
      finished.catch(reject);
    });
    hosts = `127.0.0.1:${pair.primary.port},127.0.0.1:${pair.standby.port}`;
  });

  afterAll(async () => {
    finish();
    await finished;
    silent.close();
  });

  it("a session is opened with the one that target_session_attrs asks for", async () => {
    const { primary, standby } = pair;
    const port = (target: string): Promise<number | string> =>
      portOf(settingsFor(hosts, `target_session_attrs=${target}`));
    expect(await port("any")).toBe(primary.port);
    expect(await port("read-write")).toBe(primary.port);
    expect(await port("primary")).toBe(primary.port);
    expect(await port("read-only")).toBe(standby.port);
    expect(await port("standby")).toBe(standby.port);
    expect(await port("prefer-standby")).toBe(standby.port);
    const alone = settingsFor(`127.0.0.1:${standby.port}`, "target_session_attrs=read-write");
    expect(await portOf(alone)).toMatch(
      /^No server in DATABASE_URL can be used: 127\.0\.0\.1:\d+ \(standby\)\./,
    );
  });

  it("doctor names the one that it is", async () => {
    const settings = settingsFor(hosts, "target_session_attrs=standby");
    const [database] = await checkDatabase(settings, false, Date.now);
    expect(database).toMatchObject({
      status: "ok",
      finding: expect.stringMatching(
        new RegExp(`^"postgres" at 127\\.0\\.0\\.1:${pair.standby.port}, PostgreSQL`),
      ),
    });
  });

  it("one that is away, or accepts the connection and is silent, is passed over after connect_timeout", async () => {
    const { port } = silent.address() as AddressInfo;
    const settings = settingsFor(`127.0.0.1:1,127.0.0.1:${port},${hosts}`, "connect_timeout=1");
    expect(await portOf(settings)).toBe(pair.primary.port);
    expect(await portOf(settingsFor(`127.0.0.1:1,127.0.0.1:${port}`, "connect_timeout=1"))).toBe(
      `No server in DATABASE_URL can be used: 127.0.0.1:1 (ECONNREFUSED), 127.0.0.1:${port} (no answer in time). ` +
        "Check that one is running.",
    );
  });

  it("one of them may be a Unix socket", () =>
    withFolder(async (folder) => {
      const socket = createServer((client) => {
        const upstream = connectTo(pair.standby.port, pair.standby.host);
        endTogether(client, upstream);
        client.pipe(upstream).pipe(client);
      }).listen(join(folder, ".s.PGSQL.7"));
      await once(socket, "listening");
      try {
        const settings = settingsFor("", `host=127.0.0.1,${folder}&port=1,7&sslmode=require`);
        expect(await portOf(settings)).toBe(pair.standby.port);
      } finally {
        socket.close();
      }
    }));

  it("a rejected login names the one server that rejected it", async () => {
    const told = await portOf(settingsFor(hosts, "", "postgres:wrong"));
    expect(told).toMatch(
      new RegExp(
        `^Postgres at 127\\.0\\.0\\.1:${pair.primary.port} rejected the login of user "postgres" \\(SQLSTATE 28P01\\)`,
      ),
    );
  });

  it("a session that may no longer write is replaced by one with another server", async () => {
    const admin = postgres(pair.primary.url, { max: 1, onnotice: () => undefined });
    const { sql, close } = connect(settingsFor(hosts, "target_session_attrs=read-write"));
    const write = async (): Promise<void> => {
      // The server may change at any moment between two transactions.
      await sql.begin(async (tx) => {
        await tx`create table public.written ()`;
        await tx`drop table public.written`;
      });
    };
    try {
      await write();
      await admin`alter system set default_transaction_read_only = on`;
      await admin`select pg_reload_conf()`;
      while ((await write().catch((error: unknown) => error)) === undefined) await setTimeout(10);
      await expect(write()).rejects.toThrow(
        /^No server .* \(read-only primary\), 127\.0\.0\.1:\d+ \(standby\)\./,
      );
      await admin.begin("read write", async (tx) => tx`select 1`);
      await admin.unsafe("set default_transaction_read_only = off");
      await admin`alter system reset default_transaction_read_only`;
      await admin`select pg_reload_conf()`;
      while ((await write().catch((error: unknown) => error)) !== undefined) await setTimeout(10);
    } finally {
      await close();
      await admin.end();
    }
  });

  it("a drain whose primary crashes goes on with the promoted standby, and loses and doubles nothing", () =>
    withBench(async (bench) => {
      const { run, start } = bench;
      const messages = 1200;
      const env = {
        DATABASE_URL: `postgres://postgres:postgres@${hosts}/postgres?target_session_attrs=read-write`,
      };
      const primary = postgres(pair.primary.url, { max: 1, onnotice: () => undefined });
      const standby = postgres(pair.standby.url, { max: 1, onnotice: () => undefined });
      try {
        // A commit that only the primary has is lost with it.
        await primary`alter system set synchronous_standby_names = '*'`;
        await primary`select pg_reload_conf()`;
        expect(await run(["init"], env)).toMatchObject({ code: 0, stderr: "" });
        await bench.send(generateMessages(messages));
        const drain = start(["drain", "--json", "--batch-size", "20"], env);
        const rows = async (): Promise<number> => {
          const [row] = await standby<
            { rows: number }[]
          >`select count(*)::integer as rows from public.user_logins`;
          return row?.rows ?? 0;
        };
        while ((await rows()) < messages / 4) await setTimeout(20);
        await pair.primary.stop("immediate");
        expect(await rows()).toBeLessThan(messages);
        await pair.promote();
        const outcome = await drain.outcome;
        expect(outcome.code).toBe(0);
        expect(json(outcome)).toMatchObject({ received: expect.any(Number), stoppedBy: "empty" });
        const [found] = await standby`
          select (select count(*)::integer from public.user_logins) as rows,
                 (select count(*)::integer from fetch_etl.quarantine) as quarantined,
                 (select count(distinct message_id)::integer from fetch_etl.ledger) as messages`;
        expect(found).toMatchObject({ messages });
        expect(Number(found?.["rows"]) + Number(found?.["quarantined"])).toBe(messages);
      } finally {
        await primary.end();
        await standby.end();
      }
    }));
});
