import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { memoryFolder } from "../../sandbox/account.ts";
import { LOOPBACK, PortInUse } from "../../sandbox/ports.ts";
import { startPostgres, type PostgresServer } from "../../sandbox/postgres.ts";

/** Runs one query on a connection of its own, so that nothing is left over from before a restart. */
async function query(server: PostgresServer, text: string): Promise<Record<string, unknown>[]> {
  const sql = postgres(server.url, { max: 1, onnotice: () => undefined });
  try {
    return await sql.unsafe(text);
  } finally {
    await sql.end();
  }
}

/** The sandbox's folders among the temporary ones and in memory. Other tests have theirs at the same time. */
async function folders(): Promise<string[]> {
  const names = await Promise.all(
    [tmpdir(), (await memoryFolder()) ?? []].flat().map((each) => readdir(each)),
  );
  return names.flat().filter((name) => name.startsWith("fetch-etl-postgres-"));
}

async function dataFolder(server: PostgresServer): Promise<string> {
  const [row] = await query(server, "show data_directory");
  return String(row?.["data_directory"]);
}

describe("a running server", () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgres();
    return () => server.dispose();
  });

  test("is a PostgreSQL of the version it says", async () => {
    const [row] = await query(server, "select version() as version");
    expect(row?.["version"]).toContain(`PostgreSQL ${server.version} `);
  });

  test("listens on the loopback address alone, and asks for the password", async () => {
    expect(await query(server, "show listen_addresses")).toEqual([{ listen_addresses: "127.0.0.1" }]);
    expect(await query(server, "show unix_socket_directories")).toEqual([{ unix_socket_directories: "" }]);
    const wrong = { ...server, url: server.url.replace(":postgres@", ":wrong@") };
    await expect(query(wrong, "select 1")).rejects.toMatchObject({ code: "28P01" });
  });

  test("keeps UTF-8, locale C and UTC, wherever it runs", async () => {
    const [row] = await query(
      server,
      "select pg_encoding_to_char(encoding) as encoding, datcollate, current_setting('timezone') as timezone " +
        "from pg_database where datname = 'postgres'",
    );
    expect(row).toEqual({ encoding: "UTF8", datcollate: "C", timezone: "UTC" });
  });

  test.each(["fast", "immediate"] as const)("has what was committed after a %s restart", async (mode) => {
    await query(server, `create table kept_${mode} as select 42 as answer`);
    await server.restart(mode);
    expect(await query(server, `select answer from kept_${mode}`)).toEqual([{ answer: 42 }]);
  });

  test("refuses connections once stopped, and can be started again", async () => {
    await server.stop();
    await expect(query(server, "select 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await server.restart();
    expect(await query(server, "select 1 as one")).toEqual([{ one: 1 }]);
  });
});

test.each([{ inMemory: false }, { inMemory: true }])(
  "disposing ends the server, with clients connected, and removes its files; twice is once: %j",
  async (options) => {
    const before = await folders();
    const server = await startPostgres(options);
    const data = await dataFolder(server);
    const sql = postgres(server.url, { max: 1, onnotice: () => undefined });
    await sql`select 1`;
    await Promise.all([server.dispose(), server.dispose()]);
    await sql.end({ timeout: 0 });
    await expect(query(server, "select 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await expect(readdir(data)).rejects.toMatchObject({ code: "ENOENT" });
    const own = data.split("/").find((name) => name.startsWith("fetch-etl-postgres-"));
    expect(before).not.toContain(own);
    expect(await folders()).not.toContain(own);
  },
);

test("a port that somebody listens on is named in the error", async () => {
  const other = createServer().listen(0, LOOPBACK);
  onTestFinished(() => void other.close());
  await once(other, "listening");
  const address = other.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await expect(startPostgres({ port })).rejects.toThrow(new PortInUse(port));
});

test("a folder without binaries is named in the error", async () => {
  const empty = await mkdtemp(join(tmpdir(), "fetch-etl-test-"));
  onTestFinished(() => rm(empty, { recursive: true }));
  await expect(startPostgres({ binaries: empty })).rejects.toThrow(empty);
});
