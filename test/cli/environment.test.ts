// Every setting as it comes from outside: with what a file, a shell or a compose file puts around it.
import { describe, expect, it } from "vitest";
import { ENVIRONMENT, trimmed, trimVariables } from "../../src/cli/environment.ts";
import { readDatabase } from "../../src/config/database.ts";
import { readLogFormat } from "../../src/config/log-format.ts";
import { readMaskingKeys } from "../../src/config/masking-key.ts";
import { Problems } from "../../src/config/readers.ts";
import { readQueue } from "../../src/config/queue.ts";
import { readRecipients } from "../../src/config/recovery.ts";
import { withSecrets } from "../../src/cli/secrets.ts";
import { program } from "../support/program.ts";
import { resolved, secretContext, type Outside } from "../support/secrets.ts";
import { sourcesOf } from "../support/sources.ts";

const SURROUNDINGS: readonly (readonly [name: string, around: (value: string) => string])[] = [
  ["as it is", (value) => value],
  ["a leading blank", (value) => ` ${value}`],
  ["a trailing blank", (value) => `${value} `],
  ["a tab", (value) => `\t${value}\t`],
  ["a line end", (value) => `${value}\n`],
  ["Windows' line end", (value) => `${value}\r\n`],
  ["a byte order mark", (value) => `\uFEFF${value}`],
  ["a no-break space", (value) => `${value}\u00A0`],
  ["double quotes", (value) => `"${value}"`],
  ["single quotes", (value) => `'${value}'`],
  ["quotes, blanks in them and a line end after them", (value) => `" ${value} "\n`],
];
const NOTHING = ["", " ", "\n", "\r\n", "\t", '""', "''", '" "'];

const DATABASE = "postgres://u:p%20@h:1/d?sslmode=require";
const REACHED = { PGHOST: "h", PGUSER: "u" };
const KEY = Buffer.alloc(32, 7).toString("base64");
const RECIPIENT = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z";

type Read = (env: NodeJS.ProcessEnv, problems: Problems) => unknown;
const FILES = {
  "/etc/pass": "*:*:*:*:pw",
  "/etc/service": "[prod]\nhost=db\nuser=u",
  "/etc/pg/pg_service.conf": "[prod]\nhost=system\nuser=u",
};
const OUTSIDE: Outside = {
  readFile: (path) => {
    const text = path === "/run/secrets/url" ? DATABASE : path === "/run/secrets/key" ? KEY : undefined;
    return text ?? sourcesOf({}, FILES).readFile(path);
  },
  run: ([program]) =>
    program === "print"
      ? { kind: "output", bytes: Buffer.from(`${KEY}\n`) }
      : { kind: "not started", errno: "ENOENT" },
};
const database: Read = async (env, problems) => {
  const sources = {
    ...sourcesOf(env, FILES),
    ...secretContext(env, OUTSIDE),
    fileMode: sourcesOf({}, FILES).fileMode,
  };
  const found = await withSecrets(sources, problems, ["DATABASE_URL", "PGPASSWORD"]);
  const settings = readDatabase(found, problems);
  return { ...settings, password: settings?.password?.reveal(), renew: settings?.renew !== undefined };
};
const queue: Read = (env, problems) => readQueue({}, env, 1, problems);
const key: Read = async (env, problems) =>
  readMaskingKeys(await resolved(env, OUTSIDE, problems, ["FETCH_ETL_MASKING_KEY"]), problems)?.map(
    ({ keyId }) => keyId,
  );

const SETTINGS: readonly (readonly [name: string, value: string, read: Read, beside: NodeJS.ProcessEnv])[] = [
  ["FETCH_ETL_MASKING_KEY", KEY, key, {}],
  ["FETCH_ETL_MASKING_KEY_FILE", "/run/secrets/key", key, {}],
  ["FETCH_ETL_MASKING_KEY_COMMAND", "print key", key, {}],
  ["DATABASE_URL_FILE", "/run/secrets/url", database, {}],
  ["DATABASE_URL_COMMAND", "print url", database, {}],
  ["PGPASSWORD_FILE", "/run/secrets/key", database, REACHED],
  ["PGPASSWORD_COMMAND", "print password", database, REACHED],
  ["FETCH_ETL_RECOVERY_RECIPIENT", RECIPIENT, readRecipients, {}],
  ["DATABASE_URL", DATABASE, database, {}],
  ["FETCH_ETL_DATABASE_AUTH", "rds-iam", database, REACHED],
  ["PGHOST", "/var/run/postgresql", database, { PGUSER: "u" }],
  ["PGPORT", "6543", database, REACHED],
  ["PGDATABASE", "logins", database, REACHED],
  ["PGUSER", "etl", database, { PGHOST: "h" }],
  ["PGPASSFILE", "/etc/pass", database, REACHED],
  ["PGSERVICE", "prod", database, { PGSERVICEFILE: "/etc/service", PGHOST: "h", PGUSER: "u" }],
  ["PGSERVICEFILE", "/etc/service", database, { PGSERVICE: "prod" }],
  ["PGSYSCONFDIR", "/etc/pg", database, { PGSERVICE: "prod" }],
  ["PGHOSTADDR", "192.0.2.1", database, REACHED],
  ["PGSSLMODE", "verify-full", database, REACHED],
  ["PGREQUIRESSL", "1", database, REACHED],
  ["PGSSLNEGOTIATION", "direct", database, { ...REACHED, PGSSLMODE: "require" }],
  ["PGSSLCERT", "/etc/ssl/me.pem", database, REACHED],
  ["PGSSLKEY", "/etc/ssl/me.key", database, { ...REACHED, PGSSLCERT: "/etc/ssl/me.pem" }],
  ["PGSSLCERTMODE", "require", database, REACHED],
  ["PGSSLMINPROTOCOLVERSION", "TLSv1.3", database, REACHED],
  ["PGSSLMAXPROTOCOLVERSION", "TLSv1.2", database, REACHED],
  ["PGSSLCRL", "/etc/ssl/crl.pem", database, REACHED],
  ["PGSSLCRLDIR", "/etc/ssl/crl", database, REACHED],
  ["PGTARGETSESSIONATTRS", "read-write", database, REACHED],
  ["PGLOADBALANCEHOSTS", "random", database, REACHED],
  ["PGOPTIONS", "-c work_mem=1MB", database, REACHED],
  ["PGREQUIREAUTH", "md5", database, REACHED],
  ["PGGSSENCMODE", "require", database, REACHED],
  ["PGREQUIREPEER", "postgres", database, REACHED],
  ["PGSSLROOTCERT", "/etc/ssl/db.pem", database, REACHED],
  ["PGCONNECT_TIMEOUT", "7", database, REACHED],
  ["PGAPPNAME", "etl", database, REACHED],
  ["PGCHANNELBINDING", "require", database, REACHED],
  ["AWS_ENDPOINT_URL_SQS", "http://localhost:4566", queue, {}],
  ["AWS_ENDPOINT_URL", "http://localhost:4566", queue, {}],
  ["FETCH_ETL_LOG_FORMAT", "json", (env, problems) => readLogFormat({}, env, problems), {}],
];

/** What a reader gives, and tells. Fails where it throws anything. */
async function reading(
  read: Read,
  given: NodeJS.ProcessEnv,
): Promise<{ value: unknown; told: readonly string[] }> {
  const env = { ...given };
  trimVariables(env);
  const problems = new Problems();
  return { value: await read(env, problems), told: problems.sentences };
}

describe.each(SETTINGS)("%s", (name, value, read, beside) => {
  const plain = reading(read, { ...beside, [name]: value });

  it("is read", async () => {
    expect(await plain).not.toEqual(await reading(read, beside));
  });

  it.each(SURROUNDINGS)("is the same with %s around it", async (_what, around) => {
    expect(await reading(read, { ...beside, [name]: around(value) })).toEqual(await plain);
  });

  it.each(NOTHING)("is none where it is %j", async (text) => {
    expect(await reading(read, { ...beside, [name]: text })).toEqual(await reading(read, beside));
  });

  it.each([`"${value}`, `${value}'`, `${value}\n${value}`, "\u001b[2J"])(
    "gives a value or a sentence that names a setting, and throws nothing, where it is %j",
    async (text) => {
      const { told } = await reading(read, { ...beside, [name]: text });
      for (const sentence of told) {
        expect(sentence).toMatch(/FETCH_ETL_|DATABASE_URL|PG\*|PGSERVICE|PGPASSWORD|AWS_|--/);
        expect(sentence).not.toContain("\u001b");
      }
    },
  );
});

it("covers each variable but those of the SDK, the terminal, and the password", () => {
  const named = ENVIRONMENT.flatMap(([names]) => names.split(", "));
  const covered = [...SETTINGS.map(([name]) => name), "PGPASSWORD", "FETCH_ETL_<FLAG>"];
  const others = named.filter((name) => !covered.includes(name));
  expect(others.filter((name) => /^(FETCH_ETL_|PG|DATABASE_URL)/.test(name))).toEqual([]);
});

describe("a password", () => {
  it.each(SURROUNDINGS)("is left as it is, with %s around it", async (_what, around) => {
    const env = { PGPASSWORD: around("p"), ...REACHED };
    expect(await reading(database, env)).toMatchObject({ value: { password: around("p") }, told: [] });
  });
});

it("what the AWS SDK reads for itself is trimmed where it looks, and what is not ours is left", () => {
  const env: NodeJS.ProcessEnv = {
    AWS_REGION: '"us-east-1"\n',
    AWS_SECRET_ACCESS_KEY: "s\r\n",
    AWS_WEB_IDENTITY_TOKEN_FILE: "/token\n",
    AWS_PROFILE: " ",
    PATH: " /bin ",
    GREETING: "",
  };
  trimVariables(env);
  expect(env).toEqual({
    AWS_REGION: "us-east-1",
    AWS_SECRET_ACCESS_KEY: "s",
    AWS_WEB_IDENTITY_TOKEN_FILE: "/token",
    PATH: " /bin ",
    GREETING: "",
  });
});

it("quotes that are not one pair stay", () => {
  expect(["'a' or 'b'", '"', "'a\"", `a"b"`].map(trimmed)).toEqual(["'a' or 'b'", '"', "'a\"", `a"b"`]);
});

it("the value of a flag is trimmed as a variable is", async () => {
  const drain = program.commands.find((each) => each.name() === "drain");
  drain?.action(() => undefined);
  await program.parseAsync(["drain", "--max-messages", "5\n", "--table", " a.b ", "--app-version='major'"], {
    from: "user",
  });
  expect(drain?.opts()).toMatchObject({
    maxMessages: "5",
    table: "a.b",
    appVersion: "major",
    concurrency: "128",
  });
});
