// The connection to Postgres.
import postgres from "postgres";
import type { DatabaseSettings } from "../config/database.ts";
import { closedEarly, openSocket } from "./socket.ts";

export type Sql = postgres.Sql;

/** Seconds that open connections are given to say goodbye. */
const GOODBYE = 2;

/**
 * One connection, made when it is first used; end it with {@link disconnect}. Once it has broken it cannot be used again: the
 * driver's own way is to connect anew without end, even where what answers hangs up each time.
 */
export function connect(settings: DatabaseSettings): Sql {
  let opened = false;
  const options = {
    host: settings.host,
    port: settings.port,
    database: settings.database,
    username: settings.user,
    password: () => settings.password?.reveal() ?? "",
    max: 1,
    max_lifetime: null,
    // The socket comes with its own TLS and its own time limit; the driver's limit covers the log-in that follows.
    socket: () => {
      if (opened) throw closedEarly(settings);
      opened = true;
      return openSocket(settings);
    },
    ssl: false,
    connect_timeout: settings.connectTimeout,
    connection: { application_name: "fetch-etl" },
    // Printed to stdout by default, and a notice may quote data.
    onnotice: () => undefined,
  };
  return postgres(options);
}

export async function disconnect(sql: Sql): Promise<void> {
  await sql.end({ timeout: GOODBYE });
}
