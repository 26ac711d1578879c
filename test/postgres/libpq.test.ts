// What leads psql to the database leads fetch-etl there, and nothing else: the files, URLs and variables of libpq.
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { readDatabase } from "../../src/config/database.ts";
import { IN_VARIABLES } from "../../src/config/secret-settings.ts";
import { connect } from "../../src/postgres/connection.ts";
import { reading } from "../config/told.ts";

const PASSWORD = "p:w\\ x#";
const [host, port] = [new URL(inject("postgresUrl")).hostname, new URL(inject("postgresUrl")).port];
const role = `libpq_${randomBytes(4).toString("hex")}`;
const admin = postgres(inject("postgresUrl"), { max: 1, onnotice: () => undefined });
let folder: string;

const hasPsql = spawnSync("psql", ["--version"]).status === 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fetch-etl-libpq-"));
  await admin.unsafe(`create role ${role} login password '${PASSWORD}'`);
});

afterAll(async () => {
  await admin.unsafe(`drop role ${role}`);
  await admin.end();
  await rm(folder, { recursive: true });
});

interface Case {
  readonly url?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly passwordFile?: string;
  readonly mode?: number;
  readonly serviceFile?: string;
}

async function environment({ env = {}, passwordFile, mode = 0o600, serviceFile }: Case): Promise<Env> {
  const files: Env = {};
  if (passwordFile !== undefined) {
    files["PGPASSFILE"] = join(folder, "pass");
    await writeFile(files["PGPASSFILE"], passwordFile);
    await chmod(files["PGPASSFILE"], mode);
  }
  if (serviceFile !== undefined) {
    files["PGSERVICEFILE"] = join(folder, "service");
    await writeFile(files["PGSERVICEFILE"], serviceFile);
  }
  return { HOME: folder, PGCONNECT_TIMEOUT: "5", ...files, ...env };
}
type Env = Record<string, string>;

function psqlGetsIn({ url }: Case, env: Env): boolean {
  const args = ["--no-password", "--no-psqlrc", "--command", "select 1", ...(url === undefined ? [] : [url])];
  try {
    execFileSync("psql", args, { env: { PATH: process.env["PATH"], ...env }, stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function fetchEtlGetsIn({ url }: Case, env: Env): Promise<boolean> {
  const sources = {
    env: { ...env, ...(url === undefined ? {} : { DATABASE_URL: url }) },
    secrets: IN_VARIABLES,
    readFile: (path: string) => readFileSync(path, "utf8"),
    fileMode: (path: string) => {
      const mode = statSync(path, { throwIfNoEntry: false })?.mode;
      return mode === undefined ? undefined : mode & 0o777;
    },
    log: { warn: () => undefined },
    host: "this-machine",
  };
  const { value: settings, told } = reading((problems) => readDatabase(sources, problems));
  if (settings === undefined || told.length > 0) return false;
  const { sql, close } = connect(settings);
  try {
    await sql`select 1`;
    return true;
  } catch {
    return false;
  } finally {
    await close();
  }
}

const server = { PGHOST: host, PGPORT: port, PGUSER: role, PGDATABASE: "postgres" };
const pass = "p\\:w\\\\ x#";
const encoded = encodeURIComponent(PASSWORD);
const lines = [
  `host=${host}`,
  `port=${port}`,
  `user=${role}`,
  "dbname=postgres",
  `password=${PASSWORD}`,
].join("\n");
const service = (text: string): Case => ({ env: { PGSERVICE: "s" }, serviceFile: text });
const line = (text: string, mode = 0o600): Case => ({ env: server, passwordFile: text, mode });
const url = (text: string, env: Env = {}): Case => ({
  url: text.replace("LOGIN", `${role}:${encoded}`),
  env,
});

describe.skipIf(!hasPsql)("psql and fetch-etl", () => {
  it.each<[boolean, Case]>([
    [true, line(`${host}:*:*:${role}:${pass}\n`)],
    [true, line(`#c\r\n\r\n*:${port}:postgres:*:${pass}:rest\r\n`)],
    [true, line(`127.0.0.\\1:*:*:*:${pass}`)],
    [false, line(`*:*:*:*:${PASSWORD}\n`)],
    [false, line(` *:*:*:*:${pass}\n`)],
    [false, line(`\\*:*:*:*:${pass}\n**:*:*:*:${pass}\n`)],
    [false, line(`*:*:*:*:\n*:*:*:*:${pass}\n`)],
    [false, line(`*:*:*:*:${pass}\n`, 0o640)],
    [
      true,
      service(`[t]\nrubbish\n  [s]  \n# c\n\n  ${lines}\nhost=nowhere.invalid\n[u]\nrubbish\n[s]\nport=1\n`),
    ],
    [
      true,
      { ...service(`[s]\n${lines}\n`), env: { PGSERVICE: "s", PGHOST: "nowhere.invalid", PGPORT: "1" } },
    ],
    [false, service(`[S]\n${lines}\n`)],
    [false, service(`[s]\n${lines}\nrubbish\n`)],
    [false, service(`[s]\n${lines}\nservice=t\n`)],
    [false, service(`[s]\n${lines}\nhots=x\n`)],
    [false, service(`[s]\n${lines.replace("=", " =")}\n`)],
    [false, service(`[s]\n${lines.replace("=", "= ")}\n`)],
    [true, service(`[s]\n${lines.replace(/host=.*\nport=/, `host=${host},${host}\nport=1,`)}\n`)],
    [true, service(`[s]\nhostaddr=${host}\n${lines.replace(host, "nowhere.invalid")}\n`)],
    [true, service(`[s]\n${lines}\ntarget_session_attrs=read-write\n`)],
    [true, service(`[s]\n${lines}\ntarget_session_attrs=prefer-standby\n`)],
    [false, service(`[s]\n${lines}\ntarget_session_attrs=standby\n`)],
    [true, url(`postgres://LOGIN@${host}:1,${host}:${port}/postgres`)],
    [true, url(`postgres://LOGIN@/postgres?host=${host}&port=${port}`)],
    [true, url(`postgres://LOGIN@:${port}/postgres?host=${host}`)],
    [
      true,
      url(`postgres://${role}@${host}:${port}/postgres?options=-c%20work_mem%3D8MB`, {
        PGPASSWORD: PASSWORD,
      }),
    ],
    [false, url(`postgres://${role}@${host}:${port}/postgres?options=rubbish`, { PGPASSWORD: PASSWORD })],
    [false, url(`postgres://LOGIN@${host}:${port}/postgres?ssl=true`)],
    [false, url(`postgres://LOGIN@${host}:${port}/postgres?ssl=false`)],
    [false, url(`postgres://LOGIN@${host}:${port}/postgres?user=nobody`)],
    [false, url(`postgres://LOGIN@${host}:${port}/postgres`, { PGREQUIRESSL: "1" })],
  ])("both get in, or neither does: %j %j", async (getsIn, given) => {
    const env = await environment(given);
    expect({ psql: psqlGetsIn(given, env), fetchEtl: await fetchEtlGetsIn(given, env) }).toEqual({
      psql: getsIn,
      fetchEtl: getsIn,
    });
  });
});
