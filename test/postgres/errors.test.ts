import { describe, expect, it } from "vitest";
import { Problems } from "../../src/config/readers.ts";
import { readDatabase, type DatabaseSettings } from "../../src/config/database.ts";
import { DatabaseLost, StatementCancelled } from "../../src/drain/ports.ts";
import { Failure } from "../../src/failure.ts";
import { translate } from "../../src/postgres/errors.ts";
import { sourcesOf } from "../support/sources.ts";

function settings(): DatabaseSettings {
  const read = readDatabase(
    sourcesOf({ DATABASE_URL: "postgres://etl:hunter2@db/logins?sslmode=disable" }),
    new Problems(),
  );
  if (read === undefined) throw new Error("no settings");
  return read;
}

const told = (fields: object): ReturnType<typeof translate> =>
  translate(Object.assign(new Error("Key (ip)=(192.0.2.1)"), fields), settings(), "writing rows");

/** What is told where no row is at fault. */
function failureOf(fields: object): Failure {
  const translated = told(fields);
  return translated instanceof Failure ? translated : translated.failure;
}

describe("what Postgres answers", () => {
  it.each(["22001", "23502", "23514", "44000", "54000", "P0001"])("%s is a row's fault", (code) => {
    expect(told({ code, column_name: "locale", constraint_name: "one" })).toMatchObject({
      refusal: { sqlState: code, column: "locale", constraint: "one", of: "row" },
    });
  });

  it.each(["08006", "40001", "53300", "55P03", "57P01", "25006", "25P03"])("%s passes by itself", (code) => {
    expect(told({ code })).toBeInstanceOf(DatabaseLost);
  });

  it.each(["0A000", "2200H", "42P01", "42703", "42804", "42809", "428C9", "55000", "23514"])(
    "%s is for somebody to change, who is told the table",
    (code) => {
      expect(failureOf({ code })).toMatchObject({
        kind: "configuration",
        message: expect.stringMatching(
          `\\(SQLSTATE ${code}\\), and a retry would not help\\. Check table public.user_logins`,
        ),
      });
    },
  );

  it("55000 at the login is said of the database, which allows no connections", () => {
    expect(told({ code: "55000", severity: "FATAL" })).toMatchObject({
      kind: "configuration",
      message: expect.stringMatching(/^Database "logins" at db:5432 does not accept connections/),
    });
  });

  it("28000 may be about TLS as well as about the user", () => {
    const sentence =
      'rejected the login of user "etl" (SQLSTATE 28000). Check user and password in DATABASE_URL';
    expect(told({ code: "28000" })).toMatchObject({
      kind: "configuration",
      message: expect.stringContaining(
        `${sentence}, and whether pg_hba.conf allows sslmode disable and requires a client certificate (sslcert).`,
      ),
    });
    expect(told({ code: "28P01" })).toMatchObject({ message: expect.not.stringContaining("pg_hba") });
  });

  it.each(["XX000", "", "58030"])("%j is not known, and may pass", (code) => {
    expect(failureOf({ code })).toMatchObject({
      kind: "unavailable",
      message: expect.stringContaining("SQLSTATE"),
    });
  });

  it.each(["20000", "21000", "38000", "45010"])("%s may be what a trigger says of a row", (code) => {
    expect(told({ code })).toMatchObject({ refusal: { sqlState: code, of: "row" } });
  });

  it.each(["22021", "22P05"])("%s is a character of a row's, whatever becomes of the others", (code) => {
    expect(told({ code })).toMatchObject({ name: "RowRefused", refusal: { of: "value" } });
  });

  it.each(["2200H", "23514", "42501", "42883", "HV000", "XX000"])(
    "%s without more may be a row's or the table's",
    (code) => {
      expect(told({ code })).toMatchObject({ name: "RowRefused", refusal: { of: "table" } });
    },
  );

  it("57014 is a statement that was cancelled, and names the setting", () => {
    const cancelled = told({ code: "57014" });
    expect(cancelled).toBeInstanceOf(StatementCancelled);
    expect(cancelled).toMatchObject({ failure: { message: expect.stringContaining("statement_timeout") } });
  });

  it("55000 that ends the session is a database that takes no connections, not the table's fault", () => {
    expect(told({ code: "55000", severity: "FATAL" })).toMatchObject({
      kind: "configuration",
      message: expect.stringContaining("does not accept connections"),
    });
  });

  it("is told without the text, which quotes values", () => {
    for (const code of ["22001", "08006", "42P01", "28000", "XX000"]) {
      expect(failureOf({ code }).message).not.toMatch(/192\.0\.2\.1|hunter2/);
    }
  });
});
