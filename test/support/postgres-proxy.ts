// A proxy between the command line and Postgres that cuts the connection at a moment of the test's choice.
import { endTogether, startPostgresRelay } from "./postgres-relay.ts";

/** When to cut: before the load's statement reaches the server, or when its answer comes back. */
export type Moment = "before the commit" | "after the commit";

export interface PostgresProxy {
  /** The database's URL by way of the proxy. */
  readonly url: string;
  /** How often it has cut so far. */
  cuts(): number;
  stop(): Promise<void>;
}

/** How the load begins, and no other statement of a drain. */
const LOAD = "with batch as (";
/** First byte of the messages `Bind` and `CommandComplete` (PostgreSQL documentation, "Message Formats"). */
const BIND = 0x42;

/**
 * Starts a proxy to the server of `databaseUrl`.
 *
 * @param cutAt which of the loads, counted from 1, are cut, and when
 */
export async function startPostgresProxy(
  databaseUrl: string,
  cutAt: (load: number) => Moment | undefined,
): Promise<PostgresProxy> {
  let loads = 0;
  let cuts = 0;
  const { url, stop } = await startPostgresRelay(databaseUrl, (client, upstream) => {
    let prepared = false;
    let cutting = false;
    endTogether(client, upstream);
    client.on("data", (data) => {
      if (data.includes(LOAD)) prepared = true;
      const isLoad = prepared && data[0] === BIND;
      const moment = isLoad ? cutAt(++loads) : undefined;
      if (moment !== undefined) cuts += 1;
      if (moment === "before the commit") {
        client.destroy();
        return;
      }
      if (moment === "after the commit") cutting = true;
      upstream.write(data);
    });
    upstream.on("data", (data) => {
      // Any answer to the load comes after its commit: there is one answer, at the end of its own transaction.
      if (cutting) client.destroy();
      else client.write(data);
    });
  });
  return { url, cuts: () => cuts, stop };
}
