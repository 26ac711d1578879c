// The connection to Postgres.
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import postgres from "postgres";
import type { DatabaseSettings } from "../config/database.ts";
import { closedEarly, openSocket } from "./socket.ts";

export type Sql = postgres.Sql;
export type Transaction = postgres.TransactionSql;
/** A connection or a transaction, for statements without parts. */
export type Reader = Pick<Sql, "unsafe">;
/** A part of a statement. */
export type Fragment = postgres.PendingQuery<postgres.Row[]>;

/** Object ids of the array types that statements have parameters of (PostgreSQL source, pg_type.dat). */
const SENT_ARRAYS = { text: 1009, integer: 1007, bigint: 1016, uuid: 2951, date: 1182, timestamptz: 1185 };

/** `text[]` is the one array type that is read; no statement asks for an array with a NULL in it, or for one of arrays. */
const ARRAYS = Object.fromEntries(
  Object.entries(SENT_ARRAYS).map(([name, oid]) => [
    name,
    { to: oid, from: name === "text" ? [oid] : [], serialize: arrayText, parse: textsOf },
  ]),
);

/** Seconds that a statement under way is waited for when the connection is closed. */
const PATIENCE = 2;

/**
 * One connection, made when it is first used. Nothing may be left in its session, such as a setting: behind a pooler, what a
 * transaction leaves is gone in the next, or is somebody else's. Once it has broken it cannot be used again: the driver's own way is to connect
 * anew without end, even where what answers hangs up each time.
 */
export interface Connection {
  readonly sql: Sql;
  /** Whether TLS is in use; false before the first statement. */
  readonly isEncrypted: () => Promise<boolean>;
  /** Ends it, even when a server that does not answer keeps a statement waiting; a broken one at once. */
  readonly close: (state?: "broken") => Promise<void>;
}

/** @param onNotice gets the name of the routine in Postgres that a notice or a warning comes from */
export function connect(
  settings: DatabaseSettings,
  onNotice: (routine: string | undefined) => void = () => undefined,
): Connection {
  let opening: Promise<Socket> | undefined;
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
      if (opening !== undefined) throw closedEarly(settings);
      opening = openSocket(settings);
      return opening;
    },
    ssl: false,
    connect_timeout: settings.connectTimeout,
    connection: { application_name: settings.applicationName },
    // A pooler may give each transaction another session, in which a statement that was prepared in the one before is not known; and
    // nothing tells for sure that there is none. It costs a round trip a statement: nothing that can be measured at 500 rows.
    prepare: false,
    // The driver would ask the catalogue for the types of arrays, in a statement that names operators without their schema.
    fetch_types: false,
    types: ARRAYS,
    // Printed to stdout by default, and a notice may quote data.
    onnotice: (notice: postgres.Notice) => {
      onNotice(notice["routine"]);
    },
  };
  // The driver reads it by itself, and does not take even libpq's default, `any`. There is one host, and it is that one or none.
  delete process.env["PGTARGETSESSIONATTRS"];
  const sql = postgres(options);
  return {
    sql,
    isEncrypted: async () => (await opening) instanceof TLSSocket,
    close: async (state) => {
      await sql.end({ timeout: state === "broken" ? 0 : PATIENCE });
      // The driver only closes its own half, and the server may never close the other.
      await opening?.then(
        (socket) => socket.destroy(),
        () => undefined,
      );
    },
  };
}

/** An array as Postgres reads it (PostgreSQL documentation, "Array Input and Output Syntax"). */
function arrayText(elements: readonly (string | number | null)[]): string {
  const texts = elements.map((element) =>
    element === null ? "null" : `"${String(element).replaceAll(/["\\]/g, "\\$&")}"`,
  );
  return `{${texts.join(",")}}`;
}

/** The elements of an array of texts as Postgres writes it. */
function textsOf(array: string): string[] {
  const elements = array.slice(1, -1).matchAll(/"(?<quoted>(?:[^"\\]|\\.)*)"|(?<plain>[^",]+)/gs);
  return Array.from(
    elements,
    ({ groups }) => groups?.["plain"] ?? groups?.["quoted"]?.replaceAll(/\\(.)/gs, "$1") ?? "",
  );
}
