// What bad settings get: a sentence that names the setting and the way out, the right exit code, no stack, no secret,
// and every message still in the queue.
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { expect, test } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { makeTables, withBench, type Bench, type Outcome } from "../support/bench.ts";
import { startProxy } from "../support/proxy.ts";

const it = test.concurrent;
type Env = Record<string, string | undefined>;

const SECRET = "s3cret-pa55word";
const NOTHING_LISTENS = "127.0.0.1:1";

async function expectRefusal(
  bench: Bench,
  outcome: Outcome,
  { code, says }: { code: number; says: readonly (string | RegExp)[] },
): Promise<void> {
  expect(outcome.stdout).toBe("");
  for (const said of says) expect(outcome.stderr).toMatch(said);
  expect(outcome.stderr).toMatch(/^(error: [^\n]+[.:]?\n)+$/);
  expect(outcome.stderr).not.toMatch(/^\s+at /m);
  const secrets = [
    SECRET,
    bench.env["FETCH_ETL_MASKING_KEY"] ?? "?",
    bench.env["AWS_SECRET_ACCESS_KEY"] ?? "?",
  ];
  for (const secret of secrets) expect(outcome.stderr).not.toContain(secret);
  expect(outcome.code).toBe(code);
  expect(await bench.contents()).toEqual({ ready: 100, inflight: 0, delayed: 0 });
}

/** A bench with 100 messages, and the outcome of one command with other settings. */
function refused(
  args: readonly string[],
  change: (bench: Bench) => Env | Promise<Env>,
  expected: { code: number; says: readonly (string | RegExp)[] },
): Promise<void> {
  return withBench(async (bench) => {
    await bench.send(generateMessages(100));
    const outcome = await bench.run(args, await change(bench));
    await expectRefusal(bench, outcome, expected);
  });
}

function databaseUrl({ databaseUrl: url }: Bench, change: (url: URL) => void): Env {
  const changed = new URL(url);
  change(changed);
  return { DATABASE_URL: changed.href };
}

it.for<[string, Env, string[]]>([
  ["no key", { FETCH_ETL_MASKING_KEY: undefined }, ["FETCH_ETL_MASKING_KEY", "keygen"]],
  ["a short key", { FETCH_ETL_MASKING_KEY: "c2hvcnQ=" }, ["FETCH_ETL_MASKING_KEY", "32", "truncated"]],
  ["a key that is not base64", { FETCH_ETL_MASKING_KEY: `${SECRET}!` }, ["not base64"]],
  [
    "a key file that is not there",
    { FETCH_ETL_MASKING_KEY: undefined, FETCH_ETL_MASKING_KEY_FILE: "nowhere" },
    ["FETCH_ETL_MASKING_KEY_FILE"],
  ],
  ["no database", { DATABASE_URL: undefined }, ["DATABASE_URL", "PGHOST"]],
  ["a database URL that is none", { DATABASE_URL: `postgres//${SECRET}` }, ["DATABASE_URL"]],
  [
    "a database URL of another kind",
    { DATABASE_URL: `mysql://root:${SECRET}@localhost/x` },
    ["DATABASE_URL", "postgres://"],
  ],
  ["an endpoint that is no URL", { AWS_ENDPOINT_URL_SQS: "localhost" }, ["AWS_ENDPOINT_URL_SQS"]],
  ["a queue name that is none", { FETCH_ETL_QUEUE: "login queue" }, ["FETCH_ETL_QUEUE"]],
  ["a queue that is not there", { FETCH_ETL_QUEUE: "other-queue" }, ["other-queue", "FETCH_ETL_QUEUE"]],
  ["no region", { AWS_REGION: undefined }, ["AWS_REGION"]],
  [
    "no credentials",
    { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined, AWS_EC2_METADATA_DISABLED: "true" },
    ["AWS_ACCESS_KEY_ID", "AWS_PROFILE"],
  ],
])("%s: exit 2", ([, env, says]) => refused(["drain"], () => env, { code: 2, says }));

it("tells all configuration mistakes at once", () =>
  refused(
    [
      "drain",
      "--concurrency",
      "0",
      "--batch-size",
      "ten",
      "--max-messages",
      "-1",
      "--sqs-protocol",
      "soap",
      "--app-version",
      "x",
    ],
    () => ({ FETCH_ETL_MASKING_KEY: undefined, DATABASE_URL: undefined }),
    {
      code: 2,
      says: [
        "--concurrency",
        "--batch-size",
        "--max-messages",
        "--sqs-protocol",
        "--app-version",
        "FETCH_ETL_MASKING_KEY",
        "DATABASE_URL",
      ],
    },
  ));

it.for<[string, (url: URL) => void, string[]]>([
  ["a wrong password", (url) => (url.password = SECRET), ["28P01", "DATABASE_URL"]],
  ["a database that does not exist", (url) => (url.pathname = "/nowhere"), ["nowhere", "DATABASE_URL"]],
  [
    "an unknown parameter",
    (url) => {
      url.searchParams.set("colour", "red");
    },
    ["colour"],
  ],
  [
    "TLS asked of a server that has none",
    (url) => {
      url.searchParams.set("sslmode", "require");
    },
    ["TLS", "sslmode"],
  ],
])("%s: exit 2", ([, change, says]) =>
  refused(["drain"], (bench) => databaseUrl(bench, change), { code: 2, says }),
);

it("Postgres does not run: exit 5", () =>
  refused(["drain"], () => ({ DATABASE_URL: `postgres://u:${SECRET}@${NOTHING_LISTENS}/d` }), {
    code: 5,
    says: [NOTHING_LISTENS, "ECONNREFUSED", "DATABASE_URL"],
  }));

it("SQS does not run: exit 5", () =>
  withBench(async (bench) => {
    await bench.send(generateMessages(100));
    const outcome = await bench.run(["drain"], { AWS_ENDPOINT_URL_SQS: `http://${NOTHING_LISTENS}` });
    await expectRefusal(bench, outcome, {
      code: 5,
      says: [NOTHING_LISTENS, "ECONNREFUSED", "AWS_ENDPOINT_URL_SQS"],
    });
  }));

async function withWebServer<T>(use: (host: string) => Promise<T>): Promise<T> {
  const server: Server = createServer((_request, response) => response.end("<html>Welcome</html>"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on a port");
  try {
    return await use(`127.0.0.1:${address.port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

it("something else answers where Postgres should: exit 2", () =>
  withWebServer((host) =>
    refused(["drain"], () => ({ DATABASE_URL: `postgres://u:${SECRET}@${host}/d` }), {
      code: 2,
      says: [host, "not Postgres", "DATABASE_URL"],
    }),
  ));

it("something else answers where Postgres should, and no TLS is asked for: it does not hang", () =>
  withWebServer((host) =>
    refused(
      ["drain"],
      () => ({ DATABASE_URL: `postgres://u:${SECRET}@${host}/d?sslmode=disable&connect_timeout=2` }),
      {
        code: 5,
        says: [host, "DATABASE_URL"],
      },
    ),
  ));

it("something else answers where SQS should: exit 2", () =>
  withWebServer((host) =>
    refused(["drain"], () => ({ AWS_ENDPOINT_URL_SQS: `http://${host}` }), {
      code: 2,
      says: [host, "AWS_ENDPOINT_URL_SQS"],
    }),
  ));

it.for<[string, number, string, number]>([
  ["wrong credentials", 403, "InvalidClientTokenId", 2],
  ["a missing right", 403, "AccessDenied", 2],
  ["expired credentials", 403, "ExpiredToken", 5],
  ["a fault of SQS's own", 500, "InternalFailure", 5],
])("%s in SQS", ([, status, type, code]) =>
  withBench(async (bench) => {
    await bench.send(generateMessages(100));
    const body = JSON.stringify({ __type: `com.amazonaws.sqs#${type}`, message: `about ${SECRET}` });
    const proxy = await startProxy(bench.sqs.endpoint, () => ({ kind: "answered", status, body }));
    try {
      const outcome = await bench.run(["drain"], { AWS_ENDPOINT_URL_SQS: proxy.endpoint });
      await expectRefusal(bench, outcome, { code, says: [type] });
    } finally {
      await proxy.stop();
    }
  }),
);

it("a user without the right to make tables: exit 2, and what to grant", () =>
  refused(["drain"], (bench) => asRole(bench, "nobody_at_all", ""), {
    code: 2,
    says: ["nobody_at_all", "cannot create public.user_logins", "GRANT CREATE ON DATABASE"],
  }));

it("a user who may not insert: exit 2, and what to grant", () =>
  refused(
    ["drain"],
    async (bench) => {
      await bench.run(["drain", "--max-messages", "1", "--dry-run"]);
      await makeTables(bench);
      return asRole(
        bench,
        "reader",
        "grant usage on schema fetch_etl to reader; grant select on all tables in schema fetch_etl to reader",
      );
    },
    { code: 2, says: ["GRANT INSERT ON public.user_logins", "GRANT INSERT ON fetch_etl.ledger"] },
  ));

it("a user who may insert and select, and no more, can drain", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    await bench.send(generateMessages(100));
    const env = await asRole(
      bench,
      "loader",
      `grant usage on schema fetch_etl to loader; grant insert on public.user_logins to loader;
       grant insert, select on all tables in schema fetch_etl to loader`,
    );
    const outcome = await bench.run(["drain", "--json"], env);
    expect(outcome.stderr).toMatch(/^warning: 1 message [^\n]*\n$/);
    expect(outcome.code).toBe(0);
  }));

it("no connection left for the user: exit 5", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    await bench.send(generateMessages(100));
    const env = await asRole(bench, "crowded", "alter role crowded connection limit 0");
    const outcome = await bench.run(["drain"], env);
    await expectRefusal(bench, outcome, { code: 5, says: ["53300"] });
  }));

it.for<[string, string, string[]]>([
  [
    "a missing column",
    "alter table public.user_logins drop column locale",
    ["user_logins", "locale is missing"],
  ],
  [
    "a column of another type",
    "alter table public.user_logins alter column app_version type varchar(32)",
    ["app_version is character varying, not integer"],
  ],
  [
    "a column that nothing fills",
    "alter table public.user_logins add column tenant text not null",
    ["tenant"],
  ],
])("user_logins with %s: exit 2", ([, change, says]) =>
  refused(
    ["drain"],
    async (bench) => {
      await makeTables(bench);
      await bench.sql.unsafe(change);
      return {};
    },
    { code: 2, says },
  ),
);

async function asRole({ sql, databaseUrl: url, queue }: Bench, role: string, grants: string): Promise<Env> {
  const name = `${role}_${queue}`;
  await sql.unsafe(`create role ${name} login password '${SECRET}'; ${grants.replaceAll(role, name)}`);
  const changed = new URL(url);
  changed.username = name;
  changed.password = SECRET;
  return { DATABASE_URL: changed.href };
}

it("an unknown flag or command: exit 2", () =>
  withBench(async (bench) => {
    for (const args of [["drain", "--colour"], ["fill"], []]) {
      const { code, stdout, stderr } = await bench.run(args);
      expect(code).toBe(2);
      expect(stdout).toBe("");
      expect(stderr).toContain("fetch-etl");
    }
  }));

it("--debug adds the places of the error, without its text", () =>
  withBench(async (bench) => {
    const outcome = await bench.run(["drain", "--debug"], {
      DATABASE_URL: `postgres://u:${SECRET}@${NOTHING_LISTENS}/d`,
    });
    expect(outcome.stderr).toMatch(/\n\s+at /);
    expect(outcome.stderr).not.toContain(SECRET);
  }));
