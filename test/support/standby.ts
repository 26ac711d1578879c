// A primary and a standby that follows it, which a test can promote.
import {
  appendFile,
  chmod,
  cp,
  lchown,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { serverAccount, temporaryFolder } from "../../sandbox/account.ts";
import { startPostgres, type PostgresServer } from "../../sandbox/postgres.ts";

export interface Pair {
  readonly primary: PostgresServer;
  readonly standby: PostgresServer;
  /** Returns when Postgres has been asked; the promotion takes a moment. */
  promote(): Promise<void>;
}

/** Without replication's own programs, which npm's binaries lack: the standby's data are a copy of those of the stopped primary. */
export async function withStandby<T>(use: (pair: Pair) => Promise<T>): Promise<T> {
  const account = await serverAccount();
  const folder = await mkdtemp(join(await temporaryFolder(account), "fetch-etl-standby-"));
  await chmod(folder, 0o755);
  const [dataDir, copy] = [join(folder, "primary"), join(folder, "standby")];
  const servers: PostgresServer[] = [];
  try {
    const primary = await startPostgres({ dataDir });
    servers.push(primary);
    await primary.stop();
    await cp(dataDir, copy, { recursive: true });
    await follow(copy, primary);
    const { uid, gid } = await stat(dataDir);
    for (const path of ["", ...(await readdir(copy, { recursive: true }))]) {
      await lchown(join(copy, path), uid, gid);
    }
    await chmod(copy, 0o700);
    await primary.restart();
    const standby = await startPostgres({ dataDir: copy });
    servers.push(standby);
    return await use({
      primary,
      standby,
      promote: async () => {
        // As pg_ctl does.
        await writeFile(join(copy, "promote"), "");
        const [pid] = (await readFile(join(copy, "postmaster.pid"), "utf8")).split("\n");
        process.kill(Number(pid), "SIGUSR1");
      },
    });
  } finally {
    for (const server of servers) await server.dispose();
    await rm(folder, { recursive: true });
  }
}

async function follow(data: string, { host, port, version }: PostgresServer): Promise<void> {
  const source = `primary_conninfo = 'host=${host} port=${port} user=postgres password=postgres'\n`;
  if (Number.parseInt(version) >= 12) {
    await appendFile(join(data, "postgresql.auto.conf"), source);
    await writeFile(join(data, "standby.signal"), "");
  } else {
    await writeFile(join(data, "recovery.conf"), `standby_mode = on\n${source}`);
  }
}
