// A real PgBouncer in transaction mode, where the system has one.
import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { giveTo, serverAccount, temporaryFolder } from "../../sandbox/account.ts";
import { freePort, LOOPBACK } from "../../sandbox/ports.ts";
import { failure, run } from "../../sandbox/server-process.ts";

/** Debian installs it where only root's PATH leads. */
const PROGRAM = ["pgbouncer", "/usr/sbin/pgbouncer"].find(
  (program) => spawnSync(program, ["--version"]).status === 0,
);

export const hasPgBouncer = PROGRAM !== undefined;

/**
 * Starts one in front of a server, hands a database's URL by way of it to `use`, and stops it. It goes from one session to the other
 * with each transaction, and has each cleared of all that the transaction left: what is prepared or set for a session is gone at once.
 */
export async function withPgBouncer<T>(
  databaseUrl: string,
  use: (pooledUrl: string) => Promise<T>,
  settings: Readonly<Record<string, string>> = {},
): Promise<T> {
  const target = new URL(databaseUrl);
  const account = await serverAccount();
  const folder = await mkdtemp(join(await temporaryFolder(account), "fetch-etl-pgbouncer-"));
  const port = await freePort();
  const file = (name: string): string => join(folder, name);
  const lines = Object.entries({
    listen_addr: LOOPBACK,
    listen_port: String(port),
    unix_socket_dir: "",
    auth_type: "scram-sha-256",
    auth_file: file("users"),
    pool_mode: "transaction",
    default_pool_size: "2",
    server_round_robin: "1",
    server_reset_query: "discard all",
    server_reset_query_always: "1",
    ...settings,
  }).map(([name, value]) => `${name} = ${value}\n`);
  await writeFile(
    file("settings.ini"),
    `[databases]\n* = host=${target.hostname} port=${target.port}\n[pgbouncer]\n${lines.join("")}`,
  );
  await writeFile(file("users"), `"${target.username}" "${target.password}"\n`);
  for (const path of [folder, file("settings.ini"), file("users")]) await giveTo(account, path);
  await chmod(folder, 0o700);

  let ready: (value: "ready") => void;
  const readiness = new Promise<"ready">((resolve) => (ready = resolve));
  const bouncer = run({
    program: PROGRAM ?? "pgbouncer",
    args: [file("settings.ini")],
    cwd: folder,
    account,
    log: (line) => {
      if (line.includes("process up")) ready("ready");
    },
  });
  try {
    const outcome = await Promise.race([readiness, bouncer.ended]);
    if (outcome !== "ready") throw failure("PgBouncer", outcome, bouncer.lastLines);
    const url = new URL(databaseUrl);
    url.port = String(port);
    return await use(url.href);
  } finally {
    bouncer.child.kill("SIGTERM");
    await bouncer.ended;
    await rm(folder, { recursive: true });
  }
}
