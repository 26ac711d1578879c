// Amazon RDS and Aurora: the region in the name of a host, and the settings for a login with IAM.
import { describe, expect, it } from "vitest";
import { readDatabase } from "../../src/config/database.ts";
import { hasKnownAuthorities, regionOf } from "../../src/config/rds.ts";
import { sourcesOf } from "../support/sources.ts";
import { reading } from "./told.ts";

describe("the region of an endpoint", () => {
  it.each([
    ["mydb.abc123.eu-west-1.rds.amazonaws.com", "eu-west-1", true],
    ["MYDB.ABC123.US-EAST-1.RDS.AMAZONAWS.COM", "us-east-1", true],
    ["c.cluster-ro-abc123.ap-southeast-6.rds.amazonaws.com", "ap-southeast-6", true],
    ["p.proxy-abc123.us-west-2.rds.amazonaws.com", "us-west-2", true],
    ["mydb.abc123.us-gov-west-1.rds.amazonaws.com", "us-gov-west-1", false],
    ["mydb.abc123.rds.cn-north-1.amazonaws.com.cn", "cn-north-1", false],
    ["db.example.com", undefined, false],
    ["rds.amazonaws.com", undefined, false],
    ["a.b.eu-west-1.rds.amazonaws.com.example.com", undefined, false],
    ["a.b.eu-west-1.xrds.amazonaws.com", undefined, false],
    ["x.dsql.us-east-1.on.aws", undefined, false],
    ["192.0.2.1", undefined, false],
  ])("%s: %s, authorities known: %s", (host, region, known) => {
    expect({ region: regionOf(host), known: hasKnownAuthorities(host) }).toEqual({ region, known });
  });
});

const ENDPOINT = "mydb.abc123.eu-west-1.rds.amazonaws.com";

function read(url: string, env: NodeJS.ProcessEnv = {}) {
  const { value, told } = reading((problems) =>
    readDatabase(sourcesOf({ DATABASE_URL: url, FETCH_ETL_DATABASE_AUTH: "rds-iam", ...env }), problems),
  );
  return { settings: value, told };
}

describe("the default sslmode for a login with IAM", () => {
  it.each([
    [`postgres://etl@${ENDPOINT}/d`, "verify-full"],
    [`postgres://etl@${ENDPOINT},b.${ENDPOINT}/d`, "verify-full"],
    // The certificate of an endpoint does not have other names.
    ["postgres://etl@db.example.com/d", "require"],
    [`postgres://etl@${ENDPOINT},db.example.com/d`, "require"],
    [`postgres://etl@${ENDPOINT}/d?sslmode=require`, "require"],
    [`postgres://etl@${ENDPOINT}/d?sslmode=verify-ca`, "verify-ca"],
    ["postgres://etl@db.example.com/d?sslrootcert=rds", "verify-full"],
  ])("%s: %s", (url, sslMode) => {
    expect(read(url)).toMatchObject({ settings: { sslMode, auth: "rds-iam" }, told: [] });
  });

  it("does not change without IAM", () => {
    expect(read(`postgres://etl@${ENDPOINT}/d`, { FETCH_ETL_DATABASE_AUTH: "" })).toMatchObject({
      settings: { sslMode: "prefer", auth: "password" },
    });
  });
});

it("a login with IAM does not use the password file", () => {
  const files = { "/home/me/.pgpass": "*:*:*:*:hunter2" };
  const env = { DATABASE_URL: `postgres://etl@${ENDPOINT}/d`, FETCH_ETL_DATABASE_AUTH: "rds-iam" };
  const { value } = reading((problems) => readDatabase(sourcesOf(env, files), problems));
  expect(value?.passwordFile).toBeUndefined();
  expect(value?.password?.reveal() ?? "").toBe("");
});

describe("a login with IAM is rejected with", () => {
  const noPassword = "cannot be used with FETCH_ETL_DATABASE_AUTH=rds-iam. Remove one of them.";
  const name =
    "must be the endpoint's name, because FETCH_ETL_DATABASE_AUTH=rds-iam signs the token for it. Set hostaddr to connect to another address.";
  it.each<[string, NodeJS.ProcessEnv, string]>([
    [`postgres://etl:hunter2@${ENDPOINT}/d`, {}, `The password of DATABASE_URL ${noPassword}`],
    [
      `postgres://etl@${ENDPOINT}/d`,
      { PGPASSWORD: "hunter2" },
      `The password of the PG* variables ${noPassword}`,
    ],
    ...["disable", "allow", "prefer"].map((mode): [string, NodeJS.ProcessEnv, string] => [
      `postgres://etl@${ENDPOINT}/d?sslmode=${mode}`,
      {},
      `The sslmode of DATABASE_URL is ${mode}, but FETCH_ETL_DATABASE_AUTH=rds-iam requires TLS. Set sslmode=verify-full.`,
    ]),
    [
      `postgres://etl@${ENDPOINT}/d?require_auth=scram-sha-256`,
      {},
      "The require_auth of DATABASE_URL must allow password, because FETCH_ETL_DATABASE_AUTH=rds-iam sends the token as a password.",
    ],
    ["postgres://etl@192.0.2.1/d", {}, `The host of DATABASE_URL ${name}`],
    [`postgres://etl@${ENDPOINT},[::1]/d`, {}, `The host of DATABASE_URL ${name}`],
    ["postgres:///d?host=/tmp&user=etl", {}, `The host of DATABASE_URL ${name}`],
    [
      `postgres://etl@${ENDPOINT}/d`,
      { FETCH_ETL_DATABASE_AUTH: "iam" },
      "FETCH_ETL_DATABASE_AUTH must be one of: password, rds-iam.",
    ],
  ])("%s %o", (url, env, sentence) => {
    expect(read(url, env).told).toEqual([sentence]);
  });

  it("nothing that it can use", () => {
    for (const query of ["require_auth=password", "require_auth=!md5", "hostaddr=192.0.2.1"]) {
      expect(read(`postgres://etl@${ENDPOINT}/d?${query}`).told, query).toEqual([]);
    }
  });
});
