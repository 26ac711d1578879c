import { describe, expect, it } from "vitest";
import type { Context } from "../../../src/cli/context.ts";
import { readDotEnv } from "../../../src/cli/dot-env.ts";
import {
  checkDotEnv,
  checkMaskingKey,
  checkRecipient,
  checkSecrets,
  checkSettings,
  checkVersions,
} from "../../../src/cli/commands/doctor/local-checks.ts";
import { Problems } from "../../../src/config/readers.ts";
import { IN_VARIABLES } from "../../../src/config/secret-settings.ts";
import { Failure } from "../../../src/failure.ts";
import { deriveKeys } from "../../../src/masking/keys.ts";
import { createSealer } from "../../../src/recovery/recipients.ts";
import { resolved, type Outside } from "../../support/secrets.ts";
import { sourcesOf } from "../../support/sources.ts";

const MASTER = Buffer.alloc(32, 7);
const KEY = MASTER.toString("base64");
const { keyId } = deriveKeys(MASTER);

/** A folder with these files, each with its mode and text. */
function contextWith(
  env: NodeJS.ProcessEnv,
  files: Readonly<Record<string, { mode: number; text: string }>> = {},
): Context {
  const services = {
    createSealer: (recipients: readonly string[]) =>
      createSealer(recipients, (length) => Buffer.alloc(length)),
  };
  return {
    env,
    secrets: IN_VARIABLES,
    fileMode: (path: string) => files[path]?.mode,
    readFile: (path: string) => {
      const file = files[path];
      if (file === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
      return file.text;
    },
    dotEnv: readDotEnv(
      (path) => {
        const file = files[path];
        if (file === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
        return Buffer.from(file.text);
      },
      () => false,
    ),
    services,
  } as unknown as Context;
}

it.each([
  ["20.19.0", "ok"],
  ["20.20.1", "ok"],
  ["24.0.0", "ok"],
  ["20.9.0", "failed"],
  ["18.20.4", "failed"],
])("Node %s, where 20.19 is needed: %s", (node, status) => {
  expect(checkVersions({ fetchEtl: "1.2.3", node, nodeNeeded: "20.19" })).toMatchObject({
    status,
    finding: `fetch-etl 1.2.3, Node.js ${node}`,
  });
});

it("tells each mistake of the settings by itself", () => {
  const problems = new Problems();
  expect(checkSettings(problems)).toMatchObject([{ status: "ok" }]);
  problems.add("The one.");
  problems.add("The other.");
  expect(checkSettings(problems)).toMatchObject([
    { status: "failed", wayOut: "The one." },
    { status: "failed", wayOut: "The other." },
  ]);
});

describe("a .env", () => {
  it("that is none", () => {
    expect(checkDotEnv(contextWith({}))).toMatchObject({ status: "ok", finding: "none in this directory" });
  });

  it.each([
    [0o600, `DATABASE_URL=postgres://u:p@h/d`, "ok"],
    [0o640, `DATABASE_URL=postgres://u:p@h/d`, "warning"],
    [0o604, `export FETCH_ETL_MASKING_KEY='${KEY}'`, "warning"],
    [0o644, `AWS_SECRET_ACCESS_KEY=s`, "warning"],
    [0o644, `DATABASE_URL=arn:aws:secretsmanager:eu-west-1:000000000000:secret:prod/db`, "ok"],
    [0o644, `FETCH_ETL_QUEUE=login-queue\n#DATABASE_URL=x\nPGPASSWORD=`, "ok"],
  ])("of mode %o with %s: %s", (mode, text, status) => {
    expect(checkDotEnv(contextWith({}, { ".env": { mode, text } })).status).toBe(status);
  });
});

describe("the masking key", () => {
  it.each([
    ["missing", {}, "No masking key is configured"],
    ["no base64", { FETCH_ETL_MASKING_KEY: "?" }, "is not base64"],
    ["too short", { FETCH_ETL_MASKING_KEY: "AAAA" }, "3 bytes"],
  ])("%s", (_what, env, wayOut) => {
    const { check } = checkMaskingKey(sourcesOf(env));
    expect(check).toMatchObject({ status: "failed", wayOut: expect.stringContaining(wayOut) });
  });

  it("is told by its id, and earlier ones by theirs", () => {
    const earlier = Buffer.alloc(32, 8);
    const env = { FETCH_ETL_MASKING_KEY: `${KEY},${earlier.toString("base64")}` };
    expect(checkMaskingKey(sourcesOf(env)).check).toMatchObject({
      status: "ok",
      finding: `id ${keyId}, earlier ${deriveKeys(earlier).keyId}`,
    });
  });

  it("is skipped if its reference failed, which another check reports", () => {
    const secrets = { origins: {}, failed: new Set(["FETCH_ETL_MASKING_KEY"] as const) };
    expect(checkMaskingKey({ env: {}, secrets }).check).toMatchObject({ status: "skipped" });
  });
});

describe("a secret that is not in its variable", () => {
  const check = async (env: NodeJS.ProcessEnv, mode = 0o400, outside: Outside = {}) => {
    const { resolved: found } = await resolved(env, { readFile: () => KEY, ...outside });
    return checkSecrets({ resolved: found, fileMode: () => mode });
  };

  it.each([
    [0o400, "ok", "PGPASSWORD: the file that PGPASSWORD_FILE names"],
    [0o440, "warning", "PGPASSWORD: the file that PGPASSWORD_FILE names; others can read it (mode 0440)"],
  ])("in a file of mode %o: %s", async (mode, status, finding) => {
    expect(await check({ PGPASSWORD_FILE: "/p" }, mode)).toMatchObject([
      { name: "secrets", status, finding },
    ]);
  });

  it("a list of masking keys in a variable is told from one key", async () => {
    const env = { FETCH_ETL_MASKING_KEY: "kms:QUJD,kms:REVG" };
    expect(await check(env, 0o400, { fetch: () => KEY })).toMatchObject([
      { status: "ok", finding: "FETCH_ETL_MASKING_KEY: a list with references" },
    ]);
  });

  it("a file with a reference and a plain key is checked for who can read it", async () => {
    const env = { FETCH_ETL_MASKING_KEY_FILE: "/keys" };
    expect(await check(env, 0o444, { fetch: () => KEY, readFile: () => `kms:QUJD,${KEY}` })).toMatchObject([
      { status: "warning" },
    ]);
    expect(await check(env, 0o444, { fetch: () => KEY, readFile: () => "kms:QUJD" })).toMatchObject([
      { status: "ok" },
    ]);
  });

  it("has a check of its own, and one in its variable has none", async () => {
    const arn = "arn:aws:ssm:eu-west-1:000000000000:parameter/prod/key";
    const env = { PGPASSWORD: "p", DATABASE_URL_FILE: "/none", FETCH_ETL_MASKING_KEY: arn };
    const denied = new Failure("configuration", "PGPASSWORD: not authorized to call ssm:GetParameter");
    const found = await check(env, 0o400, {
      readFile: () => {
        throw Object.assign(new Error("none"), { code: "ENOENT" });
      },
      fetch: () => Promise.reject(denied),
    });
    expect(found).toMatchObject([
      { status: "failed", finding: "FETCH_ETL_MASKING_KEY has no value", wayOut: denied.message },
      { status: "failed", finding: "DATABASE_URL has no value", kind: "configuration" },
    ]);
  });
});

it.each([
  [undefined, "ok", "none: masked values are not stored in the vault"],
  ["age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z", "ok", "1 recipient:"],
  ["age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2x", "failed", "no usable recipient"],
  ["somebody", "failed", "no usable recipient"],
])("the recipient %s: %s", async (recipient, status, finding) => {
  const check = await checkRecipient(contextWith({ FETCH_ETL_RECOVERY_RECIPIENT: recipient }));
  expect(check).toMatchObject({ status, finding: expect.stringContaining(finding) });
});
