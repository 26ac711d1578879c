// What the proxies between the command line and Postgres have in common: a server on a free port that passes on to another.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface PostgresRelay {
  /** The database's URL by way of the relay. */
  readonly url: string;
  /** Connections that are open. */
  readonly clients: ReadonlySet<Socket>;
  readonly stop: () => Promise<void>;
}

/**
 * Starts a relay to the server of `databaseUrl`.
 *
 * @param pass gets each connection, and the one that was opened for it; passes on what comes, and sees to both their ends
 */
export async function startPostgresRelay(
  databaseUrl: string,
  pass: (client: Socket, upstream: Socket) => void,
): Promise<PostgresRelay> {
  const target = new URL(databaseUrl);
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client);
    client.on("close", () => clients.delete(client));
    pass(client, connect(Number(target.port), target.hostname));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(databaseUrl);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    clients,
    stop: async () => {
      for (const client of clients) client.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Ends both connections when one ends. */
export function endTogether(client: Socket, upstream: Socket): void {
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    one.on("error", () => undefined).on("close", () => other.destroy());
  }
}
