// What a database forbids is named before rows are left out, lost or written in vain.
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPostgres } from "../../sandbox/postgres.ts";
import type { DatabaseSettings } from "../../src/config/database.ts";
import { DatabaseLost, type Entry } from "../../src/drain/ports.ts";
import { checkDatabase } from "../../src/postgres/doctor.ts";
import { initialise } from "../../src/postgres/init.ts";
import { verifyTables } from "../../src/postgres/verify.ts";
import { openLoader } from "../../src/postgres/load.ts";
import { openQuarantine } from "../../src/postgres/quarantine.ts";
import { openRotation } from "../../src/postgres/rotation.ts";
import { openVault } from "../../src/postgres/vault.ts";
import { createSealer, type Sealer } from "../../src/recovery/recipients.ts";
import { openDatabases, settingsFor, type Database, type Databases } from "../support/databases.ts";
import { loginEntries } from "../support/login-entries.ts";
import { entryOf, NO_SEARCH, readVault } from "./entries.ts";

const QUEUE = "arn:aws:sqs:us-east-1:000000000000:logins";
const ALL = `grant usage on schema fetch_etl to somebody;
  grant all on all tables in schema public to somebody; grant all on all tables in schema fetch_etl to somebody`;

let databases: Databases;
let sealer: Sealer;

beforeAll(async () => {
  databases = await openDatabases();
  sealer = await createSealer([await identityToRecipient(await generateX25519Identity())], randomBytes);
});
afterAll(() => databases.dispose());

function entries(...ids: string[]): Entry[] {
  const maker = loginEntries({ queueId: QUEUE, randomBytes, sealer });
  return ids.map((messageId) =>
    entryOf(maker, {
      messageId,
      sentAt: Date.UTC(2026, 6, 3),
      body: JSON.stringify({
        ...{ user_id: messageId, app_version: "1.0", device_type: null, locale: null },
        ...{ ip: messageId === "no login" ? "nothing" : "192.0.2.1", device_id: messageId },
      }),
    }),
  );
}

/** A database with tables, three rows, three entries of the vault, and a quarantined message. */
async function loaded(): Promise<Database> {
  const database = await databases.make();
  await initialise(database.settings);
  await drain(database.settings);
  return database;
}

async function drain(settings: DatabaseSettings, ...ids: string[]): Promise<void> {
  const loader = await openLoader(settings, QUEUE, sealer.dataKey);
  try {
    await loader.load(entries(...(ids.length === 0 ? ["a", "b", "no login"] : ids)));
  } finally {
    await loader.close();
  }
}

/** Each command that reads or changes rows, by its name. */
const COMMANDS: Readonly<Record<string, (settings: DatabaseSettings) => Promise<unknown>>> = {
  verify: (settings) => verifyTables(settings, "values"),
  drain: (settings) => drain(settings, "c"),
  rotate: async (settings) => {
    const rotation = await openRotation(settings, "AAAAAAAA", () => Promise.resolve([]));
    try {
      await rotation.changeRows(0);
      await rotation.copyEntries("");
      await rotation.left();
    } finally {
      await rotation.close();
    }
  },
  reveal: (settings) => {
    const [entry] = entries("a");
    const [value] = entry?.kind === "row" ? entry.sealed : [];
    if (value === undefined) throw new Error("nothing to reveal");
    return readVault(settings, [value.token], "ticket 42");
  },
  forget: (settings) => openVault(settings).forget([], "ticket 42", NO_SEARCH),
  "quarantine list": (settings) => withQuarantine(settings, (quarantine) => quarantine.summary()),
  "quarantine show": (settings) => withQuarantine(settings, (quarantine) => quarantine.find("no login")),
  "quarantine replay": (settings) =>
    withQuarantine(settings, async (quarantine) => {
      const store = await quarantine.openReplay(sealer.dataKey, undefined);
      const [held] = await store.page(undefined);
      const [entry] = entries("d");
      if (held === undefined || entry?.kind !== "row") throw new Error("nothing to replay");
      await store.load([{ held, entry }]).catch((error: unknown) => {
        throw error instanceof DatabaseLost ? error.failure : error;
      });
      await store.mark([{ held, rejected: undefined }]);
    }),
  "quarantine purge": (settings) => withQuarantine(settings, (quarantine) => quarantine.purge({}, "any")),
};

async function withQuarantine<T>(
  settings: DatabaseSettings,
  use: (quarantine: Awaited<ReturnType<typeof openQuarantine>>) => Promise<T>,
): Promise<T> {
  const quarantine = await openQuarantine(settings);
  try {
    return await use(quarantine);
  } finally {
    await quarantine.close();
  }
}

async function rowCount({ sql }: Database): Promise<unknown> {
  const [counts] = await sql`
    select (select count(*) from public.user_logins) as logins, (select count(*) from fetch_etl.vault) as vault,
           (select count(*) from fetch_etl.quarantine where replayed_at is null) as held`;
  return { ...counts };
}

async function doctor(
  settings: DatabaseSettings,
): Promise<Record<string, { status: string; finding: string; wayOut?: string }>> {
  const checks = await checkDatabase(settings, true, () => Date.now());
  return Object.fromEntries(checks.map((check) => [check.name, check]));
}

describe("row-level security", () => {
  const NAMES = [
    "public.user_logins",
    "fetch_etl.ledger",
    "fetch_etl.quarantine",
    "fetch_etl.vault",
  ] as const;
  /** Which commands need a table. */
  const USERS: Readonly<Record<(typeof NAMES)[number], readonly string[]>> = {
    "public.user_logins": ["verify", "drain", "rotate", "quarantine replay"],
    "fetch_etl.ledger": ["verify", "drain", "quarantine replay"],
    "fetch_etl.quarantine": [
      ...["verify", "drain", "quarantine list", "quarantine show", "quarantine replay", "quarantine purge"],
    ],
    "fetch_etl.vault": ["drain", "rotate", "reveal", "forget", "quarantine replay"],
  };

  it.each(NAMES)(
    "on %s stops whoever it would filter, and names it, the table and the role",
    async (name) => {
      const database = await loaded();
      await database.sql.unsafe(`alter table ${name} enable row level security;
      create policy p on ${name} using (false) with check (true)`);
      const other = await databases.otherRole(database, ALL);
      const before = await rowCount(database);
      for (const [command, run] of Object.entries(COMMANDS)) {
        if (!USERS[name].includes(command)) continue;
        await expect(run(other), command).rejects.toMatchObject({
          kind: "configuration",
          message: expect.stringContaining(
            `Row-level security on ${name} applies to Postgres user "${other.user}"`,
          ),
        });
      }
      expect(await rowCount(database)).toEqual(before);
      expect((await doctor(other))["writing"]).toMatchObject({
        status: "failed",
        wayOut: expect.stringContaining(`ALTER TABLE ${name} DISABLE ROW LEVEL SECURITY;`),
      });
      // The owner is not filtered, and everything works.
      for (const run of Object.values(COMMANDS)) await run(database.settings);
      expect((await doctor(database.settings))["writing"]?.status).toBe("ok");
    },
  );

  it("that is forced applies to the owner, and to no role with BYPASSRLS", async () => {
    const database = await loaded();
    await database.sql.unsafe(
      "alter table public.user_logins enable row level security; alter table public.user_logins force row level security",
    );
    await expect(verifyTables(database.settings)).rejects.toThrow("Row-level security on public.user_logins");
    await expect(drain(database.settings, "c")).rejects.toThrow("Row-level security on public.user_logins");
    const other = await databases.otherRole(database, `alter role somebody bypassrls; ${ALL}`);
    expect((await verifyTables(other)).rows).toBe(2);
    await drain(other, "c");
  });

  it("behind a view is named too", async () => {
    const database = await loaded();
    const other = await databases.otherRole(database, ALL);
    await database.sql.unsafe(`alter table public.user_logins enable row level security;
      create view public.seen as select * from public.user_logins;
      alter view public.seen owner to ${other.user}; grant select on public.seen to ${database.settings.user};
      grant ${other.user} to ${database.settings.user}`);
    const table = { schema: "public", name: "seen" };
    await expect(verifyTables({ ...database.settings, table })).rejects.toMatchObject({
      kind: "configuration",
      message: expect.stringContaining('Row-level security on a table behind "public"."seen"'),
    });
  });

  it("is not blamed for a right that is missing", async () => {
    const database = await loaded();
    await database.sql`alter table fetch_etl.vault enable row level security`;
    const other = await databases.otherRole(database, "");
    await expect(verifyTables(other)).rejects.toThrow(
      "lacks a permission for reading the tables (SQLSTATE 42501)",
    );
  });
});

/** Those of {@link COMMANDS} that write. */
const WRITING = ["drain", "rotate", "reveal", "forget", "quarantine replay", "quarantine purge"];

describe("a session that takes no writes", () => {
  it("is named by whatever writes, with its setting", async () => {
    const [name, value] = ["default_transaction_read_only", "on"];
    const database = await loaded();
    await databases.set(database, { [name]: value });
    for (const [command, run] of Object.entries(COMMANDS)) {
      if (!WRITING.includes(command)) await run(database.settings);
      else {
        await expect(run(database.settings), command).rejects.toMatchObject({
          kind: "configuration",
          message: expect.stringMatching(
            `Postgres user "${database.settings.user}" at [^ ]+ ${name} is ${value}`,
          ),
        });
      }
    }
    await database.sql`drop table fetch_etl.ledger`;
    await expect(initialise(database.settings)).rejects.toThrow(`${name} is ${value}`);
    const { writing } = await doctor(database.settings);
    expect(writing).toMatchObject({
      status: "failed",
      wayOut: expect.stringContaining(`${name} is ${value}`),
    });
  });

  it("NULL cannot be told from a text of four letters where array_nulls is off", async () => {
    const database = await loaded();
    await databases.set(database, { array_nulls: "off" });
    for (const [command, run] of Object.entries(COMMANDS)) {
      if (command === "drain") {
        await expect(run(database.settings)).rejects.toMatchObject({
          kind: "configuration",
          message: expect.stringContaining("array_nulls is off"),
        });
      } else await run(database.settings);
    }
    const [row] = await database.sql`select locale from public.user_logins where user_id = 'd'`;
    expect(row).toEqual({ locale: null });
    expect((await doctor(database.settings))["writing"]?.status).toBe("failed");
  });

  it("is found in mid-run, too, and is then no reason to try again", async () => {
    const database = await loaded();
    const loader = await openLoader(database.settings, QUEUE, sealer.dataKey);
    try {
      await database.sql.unsafe(
        `create function to_read_only() returns trigger language plpgsql as $$
           begin raise exception 'read-only' using errcode = '25006'; end $$;
         create trigger t before insert on public.user_logins for each row execute procedure to_read_only()`,
      );
      // Neither a standby nor the setting: what else it is may pass.
      await expect(loader.load(entries("c"))).rejects.toBeInstanceOf(DatabaseLost);
    } finally {
      await loader.close();
    }
  });
});

describe("doctor", () => {
  it.each(["instead nothing", "also select 1", "where (new.locale is null) do instead nothing"])(
    "sees a rule that a drain's statement cannot have (%s)",
    async (rule) => {
      const database = await loaded();
      const action = rule.startsWith("where")
        ? `on insert to public.user_logins ${rule}`
        : `on insert to public.user_logins do ${rule}`;
      await database.sql.unsafe(`create rule odd as ${action}`);
      expect((await doctor(database.settings))["writing"]).toMatchObject({
        status: "failed",
        wayOut: expect.stringContaining("planning an insert into public.user_logins (SQLSTATE 0A000)"),
      });
    },
  );

  it("runs no trigger and draws no number of a sequence", async () => {
    const database = await loaded();
    await database.sql.unsafe(`
      create sequence public.numbers; alter table public.user_logins add number bigint;
      alter table public.user_logins alter number set default nextval('public.numbers');
      create function public.refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
      create trigger t before insert on public.user_logins for each statement execute procedure public.refuse()`);
    expect((await doctor(database.settings))["writing"]?.status).toBe("ok");
    const [numbers] = await database.sql`select is_called from public.numbers`;
    expect(numbers).toEqual({ is_called: false });
  });
});

describe("a table that a crash empties", () => {
  it.each([
    ["public.user_logins", "alter table public.user_logins set unlogged", "public.user_logins"],
    ["fetch_etl.ledger", "alter table fetch_etl.ledger set unlogged", "fetch_etl.ledger"],
    [
      "a partition",
      `drop table public.user_logins;
       create table public.user_logins (user_id varchar(128), device_type varchar(32), masked_ip varchar(256),
         masked_device_id varchar(256), locale varchar(32), app_version integer, create_date date) partition by list (app_version);
       alter table public.user_logins owner to somebody;
       create unlogged table public.part partition of public.user_logins for values in (1)`,
      '"public"."part"',
    ],
  ])("%s is warned of by doctor and by a drain", async (_what, change, name) => {
    const database = await loaded();
    await database.sql.unsafe(change.replace("somebody", databases.role));
    const sentence = `ALTER TABLE ${name} SET LOGGED;`;
    expect((await doctor(database.settings))["tables"]).toMatchObject({
      status: "warning",
      wayOut: expect.stringContaining(sentence),
    });
    const loader = await openLoader(database.settings, QUEUE, sealer.dataKey);
    await loader.close();
    expect(loader.warning).toContain(sentence);
  });

  it("is none of those that init makes", async () => {
    const database = await loaded();
    expect((await doctor(database.settings))["tables"]?.status).toBe("ok");
    const loader = await openLoader(database.settings, QUEUE, sealer.dataKey);
    await loader.close();
    expect(loader.warning).toBeUndefined();
  });
});

it("a hot standby is told by doctor and by whatever writes, as something that may pass", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fetch-etl-standby-"));
  await chmod(folder, 0o755);
  const dataDir = join(folder, "data");
  try {
    const first = await startPostgres({ dataDir });
    const url = new URL(first.url);
    await initialise(settingsFor(url, "postgres", "postgres"));
    await drain(settingsFor(url, "postgres", "postgres"));
    await first.dispose();
    if (Number.parseInt(first.version) < 12)
      await writeFile(join(dataDir, "recovery.conf"), "standby_mode = on\n");
    else await writeFile(join(dataDir, "standby.signal"), "");
    const standby = await startPostgres({ dataDir });
    try {
      const settings = settingsFor(new URL(standby.url), "postgres", "postgres");
      const sentence = {
        kind: "unavailable",
        message: expect.stringContaining("is a standby, which accepts no rows"),
      };
      for (const command of WRITING)
        await expect(COMMANDS[command]?.(settings), command).rejects.toMatchObject(sentence);
      expect((await doctor(settings))["writing"]).toMatchObject({
        status: "failed",
        wayOut: sentence.message,
      });
      expect((await verifyTables(settings)).rows).toBe(2);
    } finally {
      await standby.dispose();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

describe("a time limit that a role or a database sets", () => {
  it.each([
    ["statement_timeout", "57014"],
    ["lock_timeout", "55P03"],
  ])("%s is named where it ends the work", async (name, code) => {
    const database = await loaded();
    await databases.set(database, { [name]: "'200ms'" });
    await database.sql.begin(async (tx) => {
      await tx`lock table fetch_etl.quarantine`;
      await expect(COMMANDS["quarantine purge"]?.(database.settings)).rejects.toMatchObject({
        kind: "unavailable",
        message: expect.stringMatching(
          `purging the quarantine \\((SQLSTATE )?${code}\\)\\.[^.]* ${name}[ ,]`,
        ),
      });
    });
  });
});

describe("code that the tables run", () => {
  const DROPS = "create function f() returns trigger language plpgsql as $$ begin return null; end $$;";

  it.each(["ledger", "vault", "vault_keys"])(
    "stops whoever could not tell a row that a trigger of fetch_etl.%s drops",
    async (table) => {
      const database = await loaded();
      await database.sql.unsafe(
        `${DROPS} create trigger odd before insert on fetch_etl.${table} for each row execute procedure f()`,
      );
      const before = await rowCount(database);
      for (const command of ["drain", "rotate", "quarantine replay"]) {
        await expect(COMMANDS[command]?.(database.settings), command).rejects.toMatchObject({
          kind: "configuration",
          message: expect.stringContaining(`odd on fetch_etl.${table}`),
        });
      }
      expect(await rowCount(database)).toEqual(before);
      expect((await doctor(database.settings))["writing"]?.status).toBe("failed");
      await database.sql.unsafe(`alter table fetch_etl.${table} disable trigger odd`);
      await drain(database.settings, "c");
    },
  );

  it("is listed by doctor with its owner, who is warned of where nobody vouches for them", async () => {
    const database = await loaded();
    const { sql, settings } = database;
    const triggers = async (): Promise<unknown> => (await doctor(settings))["triggers"];
    expect(await triggers()).toMatchObject({ status: "ok", finding: "none" });
    await sql.unsafe(`
      alter table public.user_logins rename to part; create table public.user_logins (like part) partition by list (locale);
      alter table public.part alter user_id type varchar(128); alter table public.user_logins attach partition public.part for values in (null);
      alter table public.user_logins owner to ${settings.user};
      create function f() returns trigger language plpgsql as $$ begin return new; end $$; alter function f() owner to ${settings.user};
      create trigger own after insert on public.part for each row execute procedure f();
      create trigger "Is off" after insert on public.part for each row execute procedure f(); alter table public.part disable trigger "Is off";
      create rule twice as on delete to fetch_etl.quarantine do also nothing;
      create policy everything on public.user_logins using (true); alter table public.user_logins enable row level security`);
    expect(await triggers()).toMatchObject({
      status: "ok",
      finding: [
        `policy everything on public.user_logins owned by "${settings.user}"`,
        `rule twice on fetch_etl.quarantine owned by "${settings.user}"`,
        `trigger own on public.part runs public.f(), owned by "${settings.user}"`,
      ].join("; "),
    });
    const stranger = await databases.otherRole(database, "");
    await sql.unsafe(`alter function f() owner to ${stranger.user}`);
    expect(await triggers()).toMatchObject({
      status: "warning",
      finding: expect.stringContaining(`runs public.f(), owned by "${stranger.user}"`),
      wayOut: expect.stringContaining("public.f()"),
    });
    await sql.unsafe(
      `drop trigger "Is off" on public.part; drop trigger own on public.part; drop function f()`,
    );
  });

  it("can be anybody's where every role may create objects in schema public, of which doctor warns", async () => {
    const { sql, settings } = await loaded();
    await sql`grant create on schema public to public`;
    expect((await doctor(settings))["public schema"]).toMatchObject({
      status: "warning",
      wayOut: expect.stringContaining("revoke create on schema public from public"),
    });
    await sql`revoke create on schema public from public`;
    expect((await doctor(settings))["public schema"]).toMatchObject({ status: "ok" });
  });
});
