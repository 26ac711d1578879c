// What somebody who may write to the vault can make of it: nothing that is opened.
import { expect, test } from "vitest";
import { login, UNKNOWN_TOKEN, withVault } from "../support/vault.ts";

const it = test.concurrent;

const TAMPER: [string, string][] = [
  [
    "a byte of a value is changed",
    "update fetch_etl.vault set sealed = set_byte(sealed, 14, get_byte(sealed, 14) # 1)",
  ],
  ["a value is cut", "update fetch_etl.vault set sealed = substr(sealed, 1, length(sealed) - 1)"],
  ["a value is emptied", "update fetch_etl.vault set sealed = ''"],
  [
    "values are swapped",
    "update fetch_etl.vault v set sealed = o.sealed from fetch_etl.vault o where o.field = v.field and o.token <> v.token",
  ],
  [
    "fields are changed",
    "update fetch_etl.vault set field = case field when 'ip' then 'device_id' else 'ip' end",
  ],
  ["fields are made up", "update fetch_etl.vault set field = 'user_id'"],
  [
    "a data key is changed",
    "update fetch_etl.vault_keys set sealed = set_byte(sealed, length(sealed) - 1, get_byte(sealed, length(sealed) - 1) # 1)",
  ],
  ["a data key is cut", "update fetch_etl.vault_keys set sealed = substr(sealed, 1, 100)"],
  ["a data key is gone", "delete from fetch_etl.vault_keys"],
];

it.for(TAMPER)("exits 4, names a token and prints no value when %s", ([, change]) =>
  withVault(async ({ drain, tokensOf, reveal, sql }) => {
    await drain([login("u-1", "192.0.2.1", "d 1"), login("u-2", "192.0.2.2", "d 2")]);
    const [first, second] = [await tokensOf("u-1"), await tokensOf("u-2")];
    await sql.unsafe(change);
    for (const tokens of [[first.ip, second.ip], [first.device_id]]) {
      const { code, stdout, stderr } = await reveal(tokens);
      expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
      expect(stderr).toContain(tokens[0]);
      expect(stderr).not.toMatch(/192\.0\.2|d [12]/);
    }
  }),
);

it("prints none of the values when a single one of them was altered", () =>
  withVault(async ({ drain, tokensOf, reveal, sql }) => {
    await drain([login("u-1", "192.0.2.1", "d 1"), login("u-2", "192.0.2.2", "d 2")]);
    const [first, second] = [await tokensOf("u-1"), await tokensOf("u-2")];
    await sql`update fetch_etl.vault set sealed = substr(sealed, 2) where token = ${second.ip}`;
    const { code, stdout, stderr } = await reveal([first.ip, second.ip, first.device_id]);
    expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
    expect(stderr).toContain(second.ip);
    expect(await reveal([first.ip])).toMatchObject({ code: 0, stdout: `${first.ip}  192.0.2.1\n` });
  }));

it("a value that moved to a token that nobody has an entry for is not opened", () =>
  withVault(async ({ drain, reveal, sql }) => {
    await drain([login("u-1", "192.0.2.1", "d 1")]);
    await sql`update fetch_etl.vault set token = ${UNKNOWN_TOKEN} where field = 'ip'`;
    expect(await reveal([UNKNOWN_TOKEN])).toMatchObject({ code: 4, stdout: "" });
  }));
