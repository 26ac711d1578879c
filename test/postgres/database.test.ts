import { once } from "node:events";
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import postgres from "postgres";
import { readDatabase, type DatabaseSettings } from "../../src/config/database.ts";
import { connect, type Connection } from "../../src/postgres/connection.ts";
import { Authentication } from "../../src/postgres/authentication.ts";
import { connectToFirst } from "../../src/postgres/socket.ts";
import { startUnreliablePostgres, type UnreliablePostgres } from "../support/unreliable-postgres.ts";
import { reading } from "../config/told.ts";
import { sourcesOf } from "../support/sources.ts";

const admin = postgres(inject("postgresUrl"), { max: 2, onnotice: () => undefined });
afterAll(() => admin.end());

function settingsFor(url: string): DatabaseSettings {
  const { value } = reading((problems) => readDatabase(sourcesOf({ DATABASE_URL: url }), problems));
  if (value === undefined) throw new Error("no settings");
  return value;
}

async function withConnection<T>(url: string, use: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = connect(settingsFor(url));
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

async function backendOf({ sql }: Connection): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`select pg_catalog.pg_backend_pid() as pid`;
  return row?.pid ?? 0;
}

/** Resolves when a backend's process is gone, and what it said at the end has been read. */
async function gone(pid: number): Promise<void> {
  const turn = (): Promise<void> =>
    new Promise((resolve) => {
      setImmediate(resolve);
    });
  for (let isThere = true; isThere;) {
    await turn();
    try {
      process.kill(pid, 0);
    } catch (error) {
      isThere = error instanceof Error && "code" in error && error.code === "EPERM";
    }
  }
  await turn();
}

describe("a connection that ends", () => {
  let proxy: UnreliablePostgres;
  beforeAll(async () => {
    proxy = await startUnreliablePostgres(inject("postgresUrl"));
  });
  afterAll(() => proxy.stop());

  it.each(["closed", "reset"] as const)("while idle (%s) is replaced by the next use, quietly", (how) =>
    withConnection(proxy.url, async (connection) => {
      const first = await backendOf(connection);
      proxy.cut(how);
      await gone(first);
      expect(await backendOf(connection)).not.toBe(first);
      const inTransaction = await connection.sql.begin(async (tx) => tx`select 1 as one`);
      expect([...inTransaction]).toEqual([{ one: 1 }]);
    }),
  );

  it("between the statements of a transaction fails it", () =>
    withConnection(proxy.url, async (connection) => {
      const work = connection.sql.begin(async (tx) => {
        await tx`select 1`;
        proxy.cut();
        // Never settles: the end has to be noticed from outside.
        await new Promise(() => undefined);
      });
      await expect(work).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
      expect(await backendOf(connection)).toBeGreaterThan(0);
    }));

  it("is not opened anew once it was closed for good", async () => {
    const { sql, close } = connect(settingsFor(proxy.url));
    await sql`select 1`;
    await close();
    await expect(sql`select 1`.execute()).rejects.toMatchObject({ code: "CONNECTION_ENDED" });
  });

  it("leaves no timer behind once it is closed, which would keep the process alive", async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const before = timers();
    await withConnection(proxy.url, ({ sql }) => sql`select 1`);
    // One that was there before may have run out meanwhile.
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it("fails every statement that waits for the login, not only the first", async () => {
    const silent = await startUnreliablePostgres(inject("postgresUrl"), () => ({
      afterBytes: 0,
      how: "reset",
    }));
    const { sql, close } = connect(settingsFor(silent.url));
    const outcomes = await Promise.allSettled([
      sql`select 1`,
      sql`select 2`,
      sql.begin((tx) => tx`select 3`),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    await close();
    await silent.stop();
  });
});

it.each([
  ["closes", (socket: Socket) => socket.end()],
  ["resets", (socket: Socket) => socket.resetAndDestroy()],
])("a server that %s the connection instead of an answer about TLS is not waited for", async (_how, end) => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined).once("data", () => end(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  // Without a time limit, it would be waited for without end.
  const connection = connect(settingsFor(`postgres://user@127.0.0.1:${port}/x?connect_timeout=0`));
  await expect(connection.sql`select 1`).rejects.toMatchObject({ kind: "unavailable" });
  await connection.close();
  server.close();
});

it("a session that the server ends for being idle is replaced by the next use", async (context) => {
  const [server] = await admin<{ version: number }[]>`
    select current_setting('server_version_num')::integer as version`;
  if ((server?.version ?? 0) < 140_000) context.skip("idle_session_timeout came with Postgres 14");
  await withConnection(inject("postgresUrl"), async (connection) => {
    const first = await backendOf(connection);
    // For this session alone: on a slow machine the next one could end before its first statement.
    await connection.sql`set idle_session_timeout = '50ms'`;
    await gone(first);
    // A use in the very instant of the end fails: the server has closed the connection, and this side does not know yet.
    const second = await backendOf(connection).catch(() => backendOf(connection));
    expect(second).not.toBe(first);
  });
});

it("arrays come back as they were sent, whatever their elements hold", () =>
  withConnection(inject("postgresUrl"), async ({ sql }) => {
    const texts = fc.array(fc.option(fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", ""))));
    await fc.assert(
      fc.asyncProperty(texts, fc.array(fc.option(fc.integer())), async (strings, numbers) => {
        const [row] = await sql`select ${strings}::text[] as strings, ${numbers}::integer[] as numbers`;
        expect(row).toEqual({ strings, numbers });
      }),
      {
        numRuns: 100,
        examples: [
          [
            ["NULL", "", '"', "\\", "{}", "a,b", null, " "],
            [null, -1],
          ],
        ],
      },
    );
    const [others] = await sql`
      select array[true, false] as flags, array['2024-01-02'::date] as days, array['a'::name] as names`;
    expect(others).toEqual({ flags: [true, false], days: [new Date("2024-01-02")], names: ["a"] });
  }));

describe("logs in, as psql does, with a password that SASLprep", () => {
  it.each([
    ["changes: a no-break space", "pass\u00a0word"],
    ["changes: a full-width letter", "ｐassword"],
    ["changes: a soft hyphen", "pass\u00adword"],
    ["prohibits", "pass\u0007wörd"],
    ["leaves as it is", "pässwörd"],
  ])("%s", async (_what, password) => {
    const url = new URL(inject("postgresUrl"));
    // Postgres takes the password as it is, and normalizes it before it derives the verifier.
    await admin.unsafe(`drop role if exists prepared; set password_encryption = 'scram-sha-256';
      create role prepared login password '${password}'; reset password_encryption`);
    try {
      [url.username, url.password] = ["prepared", password];
      const rows = await withConnection(url.href, async ({ sql }) => sql`select current_user::text as name`);
      expect([...rows]).toEqual([{ name: "prepared" }]);
    } finally {
      await admin`drop role prepared`;
    }
  });
});

describe("a password goes to the server", () => {
  const settings = settingsFor("postgres://etl:pass%C2%A0word@db/logins");
  const asks = (kind: number, more = ""): Buffer => {
    const message = Buffer.concat([Buffer.from("R"), Buffer.alloc(8), Buffer.from(more)]);
    message.writeUInt32BE(message.length - 1, 1);
    message.writeUInt32BE(kind, 5);
    return message;
  };

  it.each([
    ["as it is, where it asks for it in the clear", [asks(3)], "pass\u00a0word"],
    ["as it is, where it asks for md5", [asks(5, "salt")], "pass\u00a0word"],
    ["normalized, where it asks for SCRAM", [asks(10, "SCRAM-SHA-256\0\0"), asks(11, "r=")], "pass word"],
  ])("%s", async (_how, messages, expected) => {
    const login = new Authentication(settings);
    // A byte at a time, as a network may bring it.
    for (const byte of Buffer.concat(messages)) login.read(Buffer.from([byte]));
    expect(await login.password()).toBe(expected);
    expect(login.isOver).toBe(false);
    login.read(Buffer.concat([asks(0), Buffer.from("Z\0\0\0\x05I")]));
    expect(login.isOver).toBe(true);
  });
});

describe("of several addresses", () => {
  const servers: Server[] = [];
  const listen = async (host: string, port = 0): Promise<number> => {
    const server = createServer((socket) => socket.end());
    server.listen(port, host);
    await once(server, "listening");
    servers.push(server);
    return (server.address() as AddressInfo).port;
  };
  afterAll(() => {
    for (const server of servers) server.close();
  });
  const { signal } = new AbortController();

  it("the next is tried at once where one refuses", async () => {
    const port = await listen("127.0.0.1");
    const socket = await connectToFirst(["127.0.0.2", "127.0.0.3", "127.0.0.1"], port, signal);
    expect(socket.remoteAddress).toBe("127.0.0.1");
    socket.destroy();
  });

  it("the error is told where all refuse", async () => {
    const port = await listen("127.0.0.1");
    await expect(connectToFirst(["127.0.0.2", "127.0.0.3"], port, signal)).rejects.toMatchObject({
      code: "ECONNREFUSED",
    });
  });

  describe.skipIf(process.platform !== "linux")("one that does not answer", () => {
    it("is waited for, although another refuses", async () => {
      const slow = await startSlowAddress();
      // Its first packet is lost, and the system sends it again after a second.
      const connecting = connectToFirst([slow.address, "127.0.0.3"], slow.port, signal);
      slow.answer();
      const socket = await connecting;
      expect(socket.remoteAddress).toBe(slow.address);
      socket.destroy();
      await slow.stop();
    });

    it("does not keep another waiting", async () => {
      const silent = await startSlowAddress();
      await listen("127.0.0.1", silent.port);
      const socket = await connectToFirst([silent.address, "127.0.0.1"], silent.port, signal);
      expect(socket.remoteAddress).toBe("127.0.0.1");
      socket.destroy();
      await silent.stop();
    });
  });
});

interface SlowAddress {
  readonly address: string;
  readonly port: number;
  /** From now on it answers; what was not answered has to be sent again. */
  answer(): void;
  stop(): Promise<void>;
}

/** An address that answers no more connections, because its process takes none and its backlog is full. */
async function startSlowAddress(): Promise<SlowAddress> {
  const address = "127.0.0.2";
  const held = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(
    `const { parentPort, workerData } = require("node:worker_threads");
     const server = require("node:net").createServer((socket) => socket.on("error", () => undefined).resume());
     server.listen({ port: 0, host: "${address}", backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       Atomics.wait(workerData, 0, 0);
     });`,
    { eval: true, workerData: held },
  );
  const [port] = (await once(worker, "message")) as [number];
  // Linux completes one connection more than the backlog says.
  const waiting = Array.from({ length: 2 }, () => createConnection(port, address));
  await Promise.all(waiting.map((socket) => once(socket, "connect")));
  return {
    address,
    port,
    answer: () => {
      Atomics.store(held, 0, 1);
      Atomics.notify(held, 0);
    },
    stop: async () => {
      for (const socket of waiting) socket.destroy();
      await worker.terminate();
    },
  };
}
