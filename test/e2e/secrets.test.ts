// Secrets that are not in variables: a run gets them, and never shows them.
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { generateLogins } from "../../sandbox/messages.ts";
import { startCli, withBench, type Outcome } from "../support/bench.ts";
import { runHere, type Env } from "../support/command-line.ts";
import { withFolder } from "../support/folder.ts";
import { isRunning } from "../support/running.ts";
import { TOLD_BY_STORE, withStores, type StoreAnswer } from "../support/stores.ts";

const it = test.concurrent;

const SECRET = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:prod/db";
/** RDS's own, with a password that is out of date. */
const WRONG = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:prod/old";
const PARAMETER = "arn:aws:ssm:eu-west-1:000000000000:parameter/prod/key";
const KEY = Buffer.from("m4rker-key-of-32-bytes-or-a-bit-more").toString("base64");
const PASSWORD = "m4rker-p@ss:w/rd";
const ARGUMENT = "m4rker-argument";
/** In every form that could be printed. */
const MARKERS = [KEY, PASSWORD, encodeURIComponent(PASSWORD), ARGUMENT, "m4rker", TOLD_BY_STORE];

const base64 = (text: string): string => Buffer.from(text).toString("base64");

it("a drain gets its secrets from AWS and from a program, and does not show them", () =>
  withBench(async (bench) => {
    const role = `${bench.queue}_role`;
    await bench.sql.unsafe(`create role ${role} superuser login password '${PASSWORD}'`);
    const { hostname, port, pathname } = new URL(bench.databaseUrl);
    const stored: Readonly<Record<string, StoreAnswer>> = {
      [SECRET]: {
        SecretString: JSON.stringify({ url: `postgres://${role}@${hostname}:${port}${pathname}` }),
      },
      [WRONG]: {
        SecretString: JSON.stringify({
          ...{ engine: "postgres", host: hostname, port: Number(port), dbname: pathname.slice(1) },
          ...{ username: role, password: `${PASSWORD}-wrong` },
        }),
      },
      [PARAMETER]: { Parameter: { Value: `kms:${base64("wrapped")}` } },
      [base64("wrapped")]: { Plaintext: base64(KEY) },
    };
    const asked: string[] = [];
    await bench.send(generateLogins(5).map((each) => JSON.stringify(each)));
    await withStores(
      ({ action, body }) => {
        asked.push(action);
        const { SecretId, Name, CiphertextBlob } = body;
        return stored[[SecretId, Name, CiphertextBlob].join("")] ?? { code: "AccessDeniedException" };
      },
      (stores) =>
        withFolder(async (folder) => {
          const env = {
            ...bench.env,
            ...stores,
            DATABASE_URL: `${SECRET}#url`,
            FETCH_ETL_MASKING_KEY: PARAMETER,
          };
          const shown: string[] = [];
          const run = async (change: Env, ...args: string[]): Promise<Outcome> => {
            const outcome = await startCli(["--debug", ...args], { ...env, ...change }).outcome;
            shown.push(outcome.stdout, outcome.stderr);
            return outcome;
          };
          const drain = async (name: string, change: Env, ...flags: string[]): Promise<Outcome> => {
            const [report, metrics] = [join(folder, `${name}.json`), join(folder, `${name}.prom`)];
            const outcome = await run(change, ...flags, "drain", "--report", report, "--metrics", metrics);
            shown.push(readFileSync(report, "utf8"), readFileSync(metrics, "utf8"));
            return outcome;
          };

          // The program reads its environment and its parent's command line.
          const [script, seen] = [join(folder, "get-password"), join(folder, "seen")];
          await writeFile(
            script,
            `cat /proc/$PPID/cmdline /proc/self/environ > ${seen}; printf '%s\\n' '${PASSWORD}'`,
          );
          const password = { PGPASSWORD_COMMAND: `sh ${script} ${ARGUMENT}` };
          expect((await drain("done", password, "--log-format", "json")).code).toBe(0);
          expect(asked.sort()).toEqual(["kms:Decrypt", "secretsmanager:GetSecretValue", "ssm:GetParameter"]);
          expect((await bench.sql`select from user_logins`).length).toBe(5);
          expect(readFileSync(seen, "utf8")).toContain("fetch-etl.js");
          shown.push(readFileSync(seen, "utf8"));

          const denied = { DATABASE_URL: `${SECRET}-denied`, FETCH_ETL_MASKING_KEY: `${PARAMETER}-denied` };
          const [wrong, mistaken, doctor] = await Promise.all([
            drain("wrong", { DATABASE_URL: WRONG }),
            drain("mistaken", { ...denied, PGPASSWORD_COMMAND: `sh -c 'exit 9' ${ARGUMENT}` }),
            run(denied, "doctor", "--json"),
          ]);
          expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("28P01") });
          expect(mistaken.code).toBe(2);
          expect(mistaken.stderr).toMatch(
            /FETCH_ETL_MASKING_KEY: .*ssm:GetParameter[^]*DATABASE_URL: .*secretsmanager:[^]*PGPASSWORD_COMMAND: .*exit code 9/,
          );
          expect(doctor.code).toBe(2);
          const { checks } = JSON.parse(doctor.stdout) as {
            checks: { name: string; status: string; wayOut?: string }[];
          };
          const found = (name: string) => checks.filter((check) => check.name === name);
          expect(found("secrets")).toMatchObject([
            { status: "failed", wayOut: expect.stringContaining("ssm:GetParameter") },
            { status: "failed", wayOut: expect.stringContaining("secretsmanager:GetSecretValue") },
          ]);
          expect(found("masking key")).toMatchObject([{ status: "skipped" }]);
          expect(found("database")).toMatchObject([{ status: "skipped" }]);
          expect(found("queue")).toMatchObject([{ status: "ok" }]);

          expect(shown).toHaveLength(15);
          for (const marker of MARKERS) expect(shown.join("\n")).not.toContain(marker);
        }),
    );
  }));

it("keygen --kms prints a key that only KMS can decrypt, and mask accepts it", () =>
  withFolder((folder) =>
    withStores(
      ({ action, body }) => {
        if (action === "kms:Encrypt") {
          // Reversed bytes instead of real encryption.
          const plain = Buffer.from(String(body["Plaintext"]), "base64");
          return { CiphertextBlob: plain.reverse().toString("base64") };
        }
        const wrapped = Buffer.from(String(body["CiphertextBlob"]), "base64");
        return { Plaintext: wrapped.reverse().toString("base64") };
      },
      async (stores) => {
        const env = {
          ...stores,
          AWS_REGION: "us-east-1",
          AWS_ACCESS_KEY_ID: "a",
          AWS_SECRET_ACCESS_KEY: "s",
        };
        const run = (...args: string[]) => startCli(args, env, folder).outcome;
        const made = await run("keygen", "--kms", "alias/mine");
        expect(made).toMatchObject({ code: 0, stderr: "" });
        const wrapped = /^FETCH_ETL_MASKING_KEY=kms:([A-Za-z0-9+/=]+)\n$/.exec(made.stdout)?.[1] ?? "";
        const key = Buffer.from(wrapped, "base64").reverse().toString();
        expect(Buffer.from(key, "base64")).toHaveLength(32);
        expect(made.stdout).not.toContain(key);
        await writeFile(join(folder, ".env"), made.stdout);
        const masked = await run("mask", "--field", "ip", "192.0.2.1");
        const plain = await runHere(["mask", "--field", "ip", "192.0.2.1"], { FETCH_ETL_MASKING_KEY: key });
        expect(masked).toEqual(plain);
        expect(masked.code).toBe(0);
      },
    ),
  ));

it("the first Ctrl-C ends a run whose program hangs, and the program too", () =>
  withFolder(async (folder) => {
    const file = join(folder, "pid");
    const { child, outcome } = startCli(["init"], {
      PGHOST: "127.0.0.1",
      PGPASSWORD_COMMAND: `sh -c 'sleep 60 & echo $! > ${file}; wait'`,
    });
    await expect
      .poll(() => existsSync(file) && readFileSync(file, "utf8").endsWith("\n"), { timeout: 20_000 })
      .toBe(true);
    child.kill("SIGINT");
    expect(await outcome).toEqual({ code: 130, stdout: "", stderr: "" });
    const pid = Number(readFileSync(file, "utf8"));
    await expect.poll(() => isRunning(pid)).toBe(false);
  }));
