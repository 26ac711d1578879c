// A proxy in front of Postgres whose connections end, or fall silent, where a test wants it.
import { startPostgresRelay } from "./postgres-relay.ts";

/** What becomes of a connection once so many bytes of the server's have passed. */
export interface Ending {
  readonly afterBytes: number;
  /** `silent`: it stays open, and nothing passes any more in either direction. */
  readonly how: "closed" | "reset" | "silent";
}

export interface UnreliablePostgres {
  /** The database's URL by way of the proxy. */
  readonly url: string;
  /** Calls back when a connection has fallen silent, once for each. */
  onSilence(listener: () => void): void;
  /** Ends all connections that are open now. */
  cut(how?: "closed" | "reset"): void;
  stop(): Promise<void>;
}

/** @param endingOf of the connections, counted from 1; undefined for one that is let be */
export async function startUnreliablePostgres(
  databaseUrl: string,
  endingOf: (connection: number) => Ending | undefined = () => undefined,
): Promise<UnreliablePostgres> {
  let connections = 0;
  let silence = (): void => undefined;

  const { url, clients, stop } = await startPostgresRelay(databaseUrl, (client, upstream) => {
    const ending = endingOf(++connections);
    let passed = 0;
    let isSilent = false;
    client
      .on("error", () => undefined)
      .on("close", () => {
        upstream.destroy();
      });
    upstream
      .on("error", () => undefined)
      .on("close", () => {
        if (!isSilent) client.destroy();
      });
    const end = (how: Ending["how"]): void => {
      if (how === "closed") client.destroy();
      else if (how === "reset") client.resetAndDestroy();
      else {
        isSilent = true;
        silence();
      }
    };
    client.on("data", (bytes) => {
      if (ending?.afterBytes === 0 && !isSilent) end(ending.how);
      if (!isSilent && !client.destroyed) upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (isSilent) return;
      const left = ending === undefined ? Infinity : ending.afterBytes - passed;
      passed += bytes.length;
      if (ending === undefined || bytes.length <= left) {
        client.write(bytes);
        return;
      }
      client.write(bytes.subarray(0, left), () => {
        end(ending.how);
      });
    });
  });
  return {
    url,
    onSilence: (listener) => {
      silence = listener;
    },
    cut: (how = "closed") => {
      for (const client of clients) {
        if (how === "closed") client.destroy();
        else client.resetAndDestroy();
      }
    },
    stop,
  };
}
