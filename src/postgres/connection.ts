// The connection to Postgres.
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import postgres from "postgres";
import type { DatabaseSettings } from "../config/database.ts";
import { regionOf } from "../config/rds.ts";
import { Secret } from "../config/secret.ts";
import { Failure } from "../failure.ts";
import { ARRAYS } from "./arrays.ts";
import { DriverSocket } from "./driver-socket.ts";
import { Authentication } from "./authentication.ts";
import { asFailure, field } from "./errors.ts";
import { Login } from "./login.ts";
import type { ServerState } from "./servers.ts";
import { closedEarly, openSocket, tooSlow } from "./socket.ts";

export type Sql = postgres.Sql;
export type Transaction = postgres.TransactionSql;
/** A connection or a transaction, for statements without parts. */
export type Reader = Pick<Sql, "unsafe">;
/** A part of a statement. */
export type Fragment = postgres.PendingQuery<postgres.Row[]>;

/** Gets the name of the routine in Postgres that sent a notice or a warning. */
type OnNotice = (routine: string | undefined) => void;

/** The routine that warns that a commit no longer waits for its synchronous standby (syncrep.c). */
const WAIT_CANCELLED = "SyncRepWaitForLSN";

/** SQLSTATE of a statement that writes on a standby. */
const READ_ONLY = "25006";

/** How long closing the connection waits for a running statement, in seconds. */
const CLOSE_TIMEOUT = 2;

/** TCP keep-alive: idle time before the first probe, in milliseconds. */
const KEEP_ALIVE_MS = 60_000;

/**
 * One connection, opened at its first use. After it has ended, for example because the server closes idle connections, the next use opens
 * another one. A use that fails is not retried here. Do not leave anything in the session, such as a setting: behind a pooler, the next
 * transaction may run in another session.
 */
export interface Connection {
  /** Each transaction (`begin`) is {@link Connection.replicated}. */
  readonly sql: Sql;
  /**
   * For a statement outside a transaction.
   *
   * @throws {Failure} `unavailable` when its wait for a synchronous standby was cancelled: a failover would lose what it committed
   */
  readonly replicated: <T>(commit: () => Promise<T>) => Promise<T>;
  /** The settings for the one server that the session is with; before the first statement, for all of them. */
  readonly server: () => DatabaseSettings;
  /** Whether TLS is in use; false before the first statement. */
  readonly isEncrypted: () => Promise<boolean>;
  /** Ends it permanently, also while the server does not answer a statement; a broken one without waiting. */
  readonly close: (state?: "broken") => Promise<void>;
}

export function connect(settings: DatabaseSettings): Connection {
  const login = new Login(settings);
  let cancelledWaits = 0;
  const onNotice: OnNotice = (routine) => {
    if (routine === WAIT_CANCELLED) cancelledWaits += 1;
  };
  const replicated = async <T>(commit: () => Promise<T>): Promise<T> => {
    const before = cancelledWaits;
    const result = await commit().catch((error: unknown) => {
      // The primary has become a standby: the next use looks for the new one.
      if (field(error, "code") === READ_ONLY) session.isStale = true;
      throw error;
    });
    if (cancelledWaits > before) throw new Failure("unavailable", ON_PRIMARY_ALONE);
    return result;
  };
  let session = new Session(login, onNotice);
  let isClosed = false;
  const current = (): Session => {
    if ((session.hasEnded || session.isStale) && !isClosed) {
      void session.close(CLOSE_TIMEOUT);
      session = new Session(login, onNotice);
    }
    return session;
  };
  const sql = new Proxy(session.sql, {
    apply: (_sql, self, args): unknown => Reflect.apply(current().sql, self, args),
    get: (_sql, name): unknown =>
      name === "begin"
        ? (...args: Parameters<Sql["begin"]>) => replicated(() => current().begin(...args))
        : Reflect.get(current().sql, name),
  });
  return {
    sql,
    replicated,
    server: () => session.server,
    isEncrypted: () => Promise.resolve(session.socket instanceof TLSSocket),
    close: async (state) => {
      isClosed = true;
      await session.close(state === "broken" ? 0 : CLOSE_TIMEOUT);
    },
  };
}

const ON_PRIMARY_ALONE =
  "Postgres committed, but the wait for a synchronous standby was cancelled. The data is only on the primary, and a failover would " +
  "lose it. Check synchronous_standby_names and pg_stat_replication, then run the command again.";

/** A session with the server, from opening the socket to its end, with its instance of the driver. */
class Session {
  readonly sql: Sql;
  socket: Socket | undefined;
  hasEnded = false;
  /** Whether its server refused to write. */
  isStale = false;
  /** The settings for the server that was chosen; before, for all of them. */
  server: DatabaseSettings;
  readonly #login: Login;
  #authentication: Authentication;
  readonly #ending = new AbortController();
  readonly #transactions = new Set<(error: unknown) => void>();
  #wire: DriverSocket | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(login: Login, onNotice: OnNotice) {
    const { settings } = login;
    this.#login = login;
    this.server = settings;
    this.#authentication = new Authentication(settings);
    const options = {
      ...{ host: "postgres", port: settings.port, database: settings.database },
      password: () => this.#authentication.password(),
      socket: () => this.#open(),
      types: ARRAYS,
      fetch_types: false,
      max: 1,
      // Behind a pooler, each transaction may run in another session, which does not have the prepared statement; and a pooler cannot be
      // detected reliably. This costs one round trip per statement, which is not measurable at 500 rows.
      prepare: false,
      // Printed to stdout by default, and a notice may quote data.
      onnotice: (notice: postgres.Notice) => {
        onNotice(notice["routine"]);
      },
      // Our socket has TLS and a timeout of its own. For an option that is missing here, the driver reads a variable, such as PGDEBUG.
      ...{ ssl: false, sslnegotiation: null, connect_timeout: 0, idle_timeout: 0, max_lifetime: null },
      ...{ keep_alive: 0, max_pipeline: 100, backoff: false, debug: false, publications: "" },
    };
    // Renewed settings may have another user. The driver converts this object to a text each time it needs the name.
    Reflect.set(options, "username", { toString: () => this.server.user });
    this.sql = postgres(options);
  }

  /** Needed because the driver never settles a transaction whose connection ends between two statements. */
  begin(...args: Parameters<Sql["begin"]>): Promise<unknown> {
    const work: Promise<unknown> = this.sql.begin(...args);
    return new Promise((resolve, reject) => {
      this.#transactions.add(reject);
      void work.then(resolve, reject).finally(() => this.#transactions.delete(reject));
    });
  }

  /** @param timeout how long to wait for a running statement, in seconds; not applied before the login has finished */
  async close(timeout: number): Promise<void> {
    if (this.#authentication.isOver && !this.hasEnded) {
      // Also when the server has closed the connection, which the driver does not notice.
      const ended = new Promise((resolve) => {
        this.#ending.signal.addEventListener("abort", resolve);
      });
      await Promise.race([this.sql.end({ timeout }), ended]);
    }
    this.#end(closedEarly(this.server));
  }

  async #open(): Promise<DriverSocket> {
    try {
      this.server = await this.#login.server((server) => this.#ask(server));
      // Sent in the startup message. Renewed settings may differ from those that the driver was created with.
      const { user, database, applicationName, options } = this.server;
      Object.assign(this.sql.options.connection, {
        user,
        database,
        application_name: applicationName,
        options,
      });
      this.#authentication = new Authentication(await withToken(this.server));
      this.#ending.signal.throwIfAborted();
      this.#startTimer();
      this.socket = await openSocket(this.server, this.#ending.signal);
      this.#ending.signal.throwIfAborted();
    } catch (error) {
      this.socket?.destroy();
      this.#end(error);
      throw error;
    }
    this.socket.setKeepAlive(true, KEEP_ALIVE_MS);
    this.#wire = new DriverSocket(this.socket, this.#authentication, (error) => {
      this.#end(this.#authentication.isOver ? error : closedEarly(this.server, error));
    });
    return this.#wire;
  }

  /** Logs in to one server, in a session of its own: the driver cannot log in twice in one. */
  async #ask(server: DatabaseSettings): Promise<ServerState> {
    const session = new Session(new Login(server), () => undefined);
    const stop = (): void => void session.close(0);
    this.#ending.signal.addEventListener("abort", stop);
    try {
      const [row] = await session.sql<{ standby: boolean; readOnly: string }[]>`
        select pg_catalog.pg_is_in_recovery() as standby,
               pg_catalog.current_setting('transaction_read_only') as "readOnly"`;
      return { isStandby: row?.standby === true, isReadOnly: row?.readOnly === "on" };
    } catch (error) {
      throw asFailure(error, server, "logging in");
    } finally {
      this.#ending.signal.removeEventListener("abort", stop);
      await session.close(0);
    }
  }

  #startTimer(): void {
    const { connectTimeout } = this.server;
    if (connectTimeout === 0) return;
    this.#timer = setTimeout(() => {
      if (!this.#authentication.isOver) this.#end(tooSlow(this.server));
    }, connectTimeout * 1000);
  }

  /** Fails all running statements and transactions. */
  #end(reason: unknown): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    clearTimeout(this.#timer);
    this.#ending.abort();
    const error = reason instanceof Error ? reason : new Error("the connection has ended");
    this.#wire?.fail(error);
    for (const reject of this.#transactions) reject(error);
    // Fails the statements in the driver's queue.
    void this.sql.end({ timeout: 0 }).catch(() => undefined);
  }
}

/** Adds a new token as the password if FETCH_ETL_DATABASE_AUTH is rds-iam. */
async function withToken(server: DatabaseSettings): Promise<DatabaseSettings> {
  if (server.auth === "password") return server;
  const { createRdsToken } = await import("../aws/rds-token.ts");
  const { host, port, user } = server;
  const token = await createRdsToken({ hostname: host, port, username: user, region: regionOf(host) });
  return { ...server, password: new Secret(token) };
}
