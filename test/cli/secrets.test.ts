// Where the three secret settings come from, and what is said of one that does not come.
import { describe, expect, it } from "vitest";
import { readDatabase } from "../../src/config/database.ts";
import { Problems } from "../../src/config/readers.ts";
import { Failure } from "../../src/failure.ts";
import { readIdentity } from "../../src/cli/secrets.ts";
import { resolved, secretContext, type Outside } from "../support/secrets.ts";

const SECRET = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:prod/db-AbCdEf";
const PARAMETER = "arn:aws-us-gov:ssm:us-gov-west-1:000000000000:parameter/prod/key";
const MARKER = "m4rker-Secret";
const KEY = Buffer.alloc(32, 7).toString("base64");
const RDS = JSON.stringify({
  ...{
    engine: "postgres",
    host: "db.example.com",
    port: 5433,
    username: "etl user",
    password: `${MARKER}/@:`,
  },
  ...{ dbname: "logins", dbInstanceIdentifier: "prod" },
});

const stores =
  (texts: Readonly<Record<string, string>>): NonNullable<Outside["fetch"]> =>
  (id) => {
    const text = texts[id];
    if (text === undefined) throw new Failure("unavailable", `${id} is away`);
    return text;
  };
const prints = (text: string): Outside => ({
  run: () => ({ kind: "output", bytes: Buffer.from(text) }),
});
const holds = (text: string): Outside => ({ readFile: () => text });

async function find(env: NodeJS.ProcessEnv, outside: Outside = {}) {
  const problems = new Problems();
  const { env: found, secrets, renewed } = await resolved(env, outside, problems);
  return { found, secrets, renewed, told: problems.sentences, kind: problems.kind };
}

describe("a value", () => {
  it.each<[string, NodeJS.ProcessEnv, Outside, NodeJS.ProcessEnv]>([
    ["in a file", { DATABASE_URL_FILE: "/f" }, holds(`${MARKER}\n`), { DATABASE_URL: MARKER }],
    [
      "in a program's output",
      { DATABASE_URL_COMMAND: "get" },
      prints(`${MARKER}\n\n`),
      { DATABASE_URL: MARKER },
    ],
    [
      "of a password, unchanged",
      { PGPASSWORD_COMMAND: "get" },
      prints(` "p" \r\n\n`),
      { PGPASSWORD: ' "p" ' },
    ],
    [
      "of a password in a file, unchanged",
      { PGPASSWORD_FILE: "/f" },
      holds(" p\t\n"),
      { PGPASSWORD: " p\t" },
    ],
    [
      "in Secrets Manager",
      { PGPASSWORD: SECRET },
      { fetch: stores({ [SECRET]: MARKER }) },
      { PGPASSWORD: MARKER },
    ],
    [
      "in one field of its JSON",
      { PGPASSWORD: `${SECRET}#pass.word, 1` },
      { fetch: stores({ [SECRET]: JSON.stringify({ "pass.word, 1": MARKER }) }) },
      { PGPASSWORD: MARKER },
    ],
    [
      "in a parameter of another partition",
      { FETCH_ETL_MASKING_KEY: PARAMETER },
      { fetch: stores({ [PARAMETER]: KEY }) },
      { FETCH_ETL_MASKING_KEY: KEY },
    ],
    [
      "encrypted by KMS, wrapped as base64 wraps it",
      { FETCH_ETL_MASKING_KEY_FILE: "/f" },
      { ...holds("FETCH_ETL_MASKING_KEY=kms:QUJD\nREVG\n"), fetch: stores({ QUJDREVG: KEY }) },
      { FETCH_ETL_MASKING_KEY: KEY },
    ],
    [
      "of several masking keys, plain and not",
      { FETCH_ETL_MASKING_KEY: `kms:QUJD, ${KEY},${PARAMETER}` },
      { fetch: stores({ QUJD: "one", [PARAMETER]: "kms:REVG", REVG: "three" }) },
      { FETCH_ETL_MASKING_KEY: `one, ${KEY},three` },
    ],
    [
      "of a secret that RDS keeps",
      { DATABASE_URL: SECRET },
      { fetch: stores({ [SECRET]: RDS }) },
      { DATABASE_URL: `postgres://etl%20user:${MARKER}%2F%40%3A@db.example.com:5433/logins` },
    ],
    [
      "of a secret of RDS without a host",
      { DATABASE_URL: SECRET },
      { fetch: stores({ [SECRET]: JSON.stringify({ username: "u", password: "p" }) }) },
      { DATABASE_URL: "postgres://u:p@/" },
    ],
    [
      "of RDS's secret as a password, with its user",
      { PGPASSWORD: SECRET },
      { fetch: stores({ [SECRET]: RDS }) },
      { PGPASSWORD: `${MARKER}/@:`, PGUSER: "etl user" },
    ],
    [
      "of RDS's secret as a password, beside another user",
      { PGPASSWORD: SECRET, PGUSER: "me" },
      { fetch: stores({ [SECRET]: RDS }) },
      { PGPASSWORD: `${MARKER}/@:`, PGUSER: "me" },
    ],
    [
      "that a container was given as RDS's JSON",
      { DATABASE_URL: RDS },
      {},
      {
        DATABASE_URL: `postgres://etl%20user:${MARKER}%2F%40%3A@db.example.com:5433/logins`,
      },
    ],
  ])("%s", async (_what, env, outside, expected) => {
    const { found, told } = await find(env, outside);
    expect({ told, found }).toMatchObject({ told: [], found: expected });
  });

  it("is fetched once, even for several settings", async () => {
    let fetches = 0;
    const outside = {
      fetch: () => {
        fetches += 1;
        return JSON.stringify({ url: "postgres://h", pw: MARKER });
      },
    };
    const { found } = await find({ DATABASE_URL: `${SECRET}#url`, PGPASSWORD: `${SECRET}#pw` }, outside);
    expect(found).toMatchObject({ DATABASE_URL: "postgres://h", PGPASSWORD: MARKER });
    expect(fetches).toBe(1);
  });

  it("of a setting that a command does not need is not read", async () => {
    const env = { PGPASSWORD: SECRET, DATABASE_URL_COMMAND: "get", FETCH_ETL_MASKING_KEY: KEY };
    const problems = new Problems();
    const { env: found } = await resolved(env, {}, problems, ["FETCH_ETL_MASKING_KEY"]);
    expect({ told: problems.sentences, found }).toEqual({ told: [], found: env });
  });

  it("that KMS encrypted is valid for one purpose only", async () => {
    const purposes: string[] = [];
    const outside: Outside = {
      fetch: (_id, reference) => {
        if (reference.service === "kms") purposes.push(reference.purpose);
        return KEY;
      },
    };
    await find(
      { FETCH_ETL_MASKING_KEY: "kms:QUJD", DATABASE_URL: "kms:QUJD", PGPASSWORD: "kms:QUJD" },
      outside,
    );
    expect(purposes.sort()).toEqual(["database-password", "database-url", "masking-key"]);
  });

  it("is not passed to any program", async () => {
    const env = {
      FETCH_ETL_MASKING_KEY: KEY,
      DATABASE_URL: MARKER,
      PGPASSWORD_COMMAND: `get ${MARKER}`,
      VAULT_TOKEN: "v",
    };
    let handed: NodeJS.ProcessEnv | undefined;
    await find(env, {
      run: (_words, childEnv) => {
        handed = childEnv;
        return { kind: "output", bytes: Buffer.from("p") };
      },
    });
    expect(handed).toEqual({ VAULT_TOKEN: "v" });
  });
});

describe("a mistake", () => {
  const fetched = (text: string): Outside => ({ fetch: stores({ [SECRET]: text, QUJD: text }) });
  it.each<[string, NodeJS.ProcessEnv, Outside, string]>([
    [
      "a variable and a file",
      { PGPASSWORD: "p", PGPASSWORD_FILE: "/f" },
      {},
      "Both PGPASSWORD and PGPASSWORD_FILE are set. Unset one of them.",
    ],
    [
      "a file and a program",
      { DATABASE_URL_FILE: "f", DATABASE_URL_COMMAND: "g" },
      {},
      "Both DATABASE_URL_FILE and DATABASE_URL_COMMAND are set. Unset one of them.",
    ],
    [
      "a password in place of its file",
      { PGPASSWORD_FILE: MARKER },
      {},
      "PGPASSWORD_FILE: the file that it names does not exist (ENOENT).",
    ],
    [
      "a URL in place of its file",
      { DATABASE_URL_FILE: `postgres://u:${MARKER}@h/d` },
      {},
      "DATABASE_URL_FILE takes the path of a file, but its value looks like a URL. Set the path.",
    ],
    [
      "a pipe",
      { PGPASSWORD_COMMAND: `get ${MARKER} | head` },
      {},
      "PGPASSWORD_COMMAND has | outside single quotes",
    ],
    [
      "a program that fails",
      { PGPASSWORD_COMMAND: MARKER },
      { run: () => ({ kind: "failed", by: "exit code 3" }) },
      "PGPASSWORD_COMMAND: the program ended with exit code 3.",
    ],
    [
      "a program that is missing",
      { PGPASSWORD_COMMAND: MARKER },
      { run: () => ({ kind: "not started", errno: "ENOENT" }) },
      "PGPASSWORD_COMMAND: the program was not found (ENOENT).",
    ],
    [
      "a program that hangs",
      { PGPASSWORD_COMMAND: MARKER },
      { run: () => ({ kind: "too slow" }) },
      "PGPASSWORD_COMMAND: the program did not end within 30 seconds",
    ],
    [
      "a program that prints a book",
      { PGPASSWORD_COMMAND: MARKER },
      { run: () => ({ kind: "too long" }) },
      "PGPASSWORD_COMMAND: the program printed more than 64 KiB",
    ],
    [
      "a program that prints nothing",
      { PGPASSWORD_COMMAND: MARKER },
      prints("\n"),
      "PGPASSWORD_COMMAND: the program printed nothing.",
    ],
    [
      "a program that prints bytes",
      { PGPASSWORD_COMMAND: MARKER },
      { run: () => ({ kind: "output", bytes: Buffer.of(0xff) }) },
      "PGPASSWORD_COMMAND: the output of the program is not UTF-8 text.",
    ],
    [
      "an ARN of something else",
      { DATABASE_URL: "arn:aws:iam::000000000000:role/x" },
      {},
      "DATABASE_URL is not the ARN of a secret or a parameter.",
    ],
    [
      "ECS's form of a reference",
      { PGPASSWORD: `${SECRET}:password::` },
      {},
      "PGPASSWORD is not the ARN of a secret or a parameter.",
    ],
    [
      "no base64 after kms:",
      { PGPASSWORD: `kms:${MARKER}` },
      {},
      "PGPASSWORD begins with kms:, but what follows is not base64. Write the whole CiphertextBlob after it, as the AWS CLI prints it. " +
        "If this is the password itself, write it in DATABASE_URL or in the password file.",
    ],
    [
      "JSON that is no login",
      { DATABASE_URL: SECRET },
      fetched(`{"url":"${MARKER}"}`),
      'The secret "prod/db-AbCdEf" in DATABASE_URL is JSON. Add #',
    ],
    [
      "JSON in place of a key",
      { FETCH_ETL_MASKING_KEY: SECRET },
      fetched(RDS),
      'The secret "prod/db-AbCdEf" in FETCH_ETL_MASKING_KEY is JSON. Add #',
    ],
    [
      "a field that is missing",
      { PGPASSWORD: `${SECRET}#nothing` },
      fetched(RDS),
      'PGPASSWORD: the secret "prod/db-AbCdEf" is not JSON, or does not have the field',
    ],
    [
      "the login of another database",
      { PGPASSWORD: SECRET },
      fetched(RDS.replace("postgres", "mysql")),
      'The secret "prod/db-AbCdEf" in PGPASSWORD contains the login of a database that is not Postgres.',
    ],
    [
      "a reference to a reference",
      { PGPASSWORD: SECRET },
      fetched(PARAMETER),
      'PGPASSWORD: the secret "prod/db-AbCdEf" contains a reference.',
    ],
  ])("%s", async (_what, env, outside, sentence) => {
    const { found, told, secrets, kind } = await find(env, outside);
    expect(told).toEqual([expect.stringContaining(sentence)]);
    expect(told.join()).not.toContain(MARKER);
    expect([...secrets.failed]).toEqual([Object.keys(env)[0]?.replace(/_(FILE|COMMAND)$/, "")]);
    expect(kind).toBe("configuration");
    expect(found).toEqual(env);
  });

  it.each<[string, NodeJS.ProcessEnv, Outside, string]>([
    [
      "a file",
      { DATABASE_URL_FILE: "/f" },
      holds(MARKER),
      "The file that DATABASE_URL_FILE names is not a URL.",
    ],
    [
      "a program",
      { DATABASE_URL_COMMAND: "get" },
      prints(MARKER),
      "The output of DATABASE_URL_COMMAND is not a URL.",
    ],
    [
      "a secret",
      { DATABASE_URL: SECRET },
      fetched(MARKER),
      'The secret "prod/db-AbCdEf" in DATABASE_URL is not a URL.',
    ],
    [
      "KMS",
      { DATABASE_URL: "kms:QUJD" },
      fetched(MARKER),
      "The decrypted text in DATABASE_URL is not a URL.",
    ],
  ])("in a value is reported with the place of the value: %s", async (_what, env, outside, sentence) => {
    const problems = new Problems();
    readDatabase(await resolved(env, outside, problems), problems);
    expect(problems.sentences).toEqual([expect.stringContaining(sentence)]);
    expect(problems.sentences.join()).not.toContain(MARKER);
  });

  it("that a retry may fix is not a configuration error, unless there is another one", async () => {
    const away = { fetch: stores({}) };
    expect(await find({ PGPASSWORD: SECRET }, away)).toMatchObject({
      kind: "unavailable",
      told: [`${SECRET} is away`],
    });
    const both = await find({ PGPASSWORD: SECRET, DATABASE_URL: "kms:?" }, away);
    expect(both).toMatchObject({ kind: "configuration", told: [expect.anything(), expect.anything()] });
  });
});

describe("settings that are read again", () => {
  const read = async (env: NodeJS.ProcessEnv, outside: Outside = {}) => {
    const problems = new Problems();
    return problems.complete({ settings: readDatabase(await resolved(env, outside, problems), problems) })
      .settings;
  };

  it("have the new password, and the masking key is not read again", async () => {
    let password = "old";
    const asked: string[] = [];
    const outside: Outside = {
      fetch: (id) => {
        asked.push(id);
        return id === SECRET ? JSON.stringify({ username: "etl", password }) : KEY;
      },
    };
    const env = { DATABASE_URL: SECRET, PGHOST: "h", FETCH_ETL_MASKING_KEY: "kms:QUJD" };
    const settings = await read(env, outside);
    expect(settings.password?.reveal()).toBe("old");
    password = "new";
    const again = await settings.renew?.();
    expect(again).toMatchObject({ host: "h", user: "etl" });
    expect(again?.password?.reveal()).toBe("new");
    expect(asked.filter((id) => id !== SECRET)).toEqual(["QUJD"]);
    // They can be read again once more.
    password = "newest";
    expect((await again?.renew?.())?.password?.reveal()).toBe("newest");
  });

  it("fail with the sentence of the first reading", async () => {
    const texts: Record<string, string> = { [SECRET]: "p" };
    const settings = await read(
      { PGHOST: "h", PGUSER: "u", PGPASSWORD: SECRET },
      {
        fetch: (id) =>
          stores(texts)(id, { service: "kms", ciphertext: "", purpose: "identity", region: undefined }),
      },
    );
    texts[SECRET] = PARAMETER;
    await expect(settings.renew?.()).rejects.toMatchObject({
      kind: "configuration",
      message: expect.stringContaining("contains a reference"),
    });
  });

  it("do not exist if every value is in its variable", async () => {
    const settings = await read(
      { DATABASE_URL: "postgres://u:p@h/d", FETCH_ETL_MASKING_KEY_FILE: "/f" },
      holds(KEY),
    );
    expect(settings.renew).toBeUndefined();
  });
});

describe("an identity file", () => {
  const read = async (text: string, fetch: Outside["fetch"]) => {
    const problems = new Problems();
    const context = secretContext({}, { readFile: () => text, ...(fetch === undefined ? {} : { fetch }) });
    const identity = await readIdentity("/identity", context, problems);
    return { identity: identity?.reveal(), told: problems.sentences };
  };

  it("can be encrypted by KMS, for its own purpose", async () => {
    const fetch: Outside["fetch"] = (id, reference) =>
      `${id} ${reference.service === "kms" ? reference.purpose : "?"}`;
    expect(await read("kms:QUJD\nREVG\n", fetch)).toEqual({ identity: "QUJDREVG identity", told: [] });
    expect(await read("AGE-SECRET-KEY-1QQQ\n", undefined)).toEqual({
      identity: "AGE-SECRET-KEY-1QQQ\n",
      told: [],
    });
  });

  it.each([
    [`kms:${MARKER}`, "--identity: the file /identity begins with kms:, but what follows is not base64."],
    [SECRET, "--identity: the file /identity contains an ARN"],
    ["kms:QUJD", "QUJD is away"],
  ])("with %s is a mistake", async (text, sentence) => {
    const { identity, told } = await read(text, stores({}));
    expect({ identity, told }).toEqual({ identity: undefined, told: [expect.stringContaining(sentence)] });
    expect(told.join()).not.toContain(MARKER);
  });
});
