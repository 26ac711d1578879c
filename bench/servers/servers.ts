// The servers that a run needs: SQS, the proxies and Postgres, each in its own process.
import { startPostgres } from "../../sandbox/postgres.ts";
import { openDatabases, type Databases } from "./databases.ts";
import type { ProxyService } from "./proxy-process.ts";
import { startRemote, type Remote } from "./service.ts";
import type { SqsService } from "./sqs-process.ts";

export interface Servers {
  readonly sqs: Remote<SqsService>;
  /** For `AWS_ENDPOINT_URL_SQS`. */
  readonly sqsEndpoint: string;
  readonly databases: Databases;
  readonly postgresVersion: string;
  /** Resolves to a port that leads to the server on `port`, and delays its responses by `ms` milliseconds. */
  delayed(port: string, ms: number): Promise<number>;
  /** Stops all servers and deletes their files. */
  stop(): Promise<void>;
}

export async function startServers(): Promise<Servers> {
  const sqs = startRemote<SqsService>(new URL("sqs-process.js", import.meta.url));
  const proxies = startRemote<ProxyService>(new URL("proxy-process.js", import.meta.url));
  const stopRemotes = (): Promise<unknown> => Promise.all([sqs.stop(), proxies.stop()]);
  const postgres = await startPostgres().catch(async (error: unknown) => {
    await stopRemotes();
    throw error;
  });
  const databases = openDatabases(postgres.url);
  const stop = async (): Promise<void> => {
    await Promise.all([stopRemotes(), databases.close()]);
    await postgres.dispose();
  };
  try {
    const ports = new Map<string, number>();
    return {
      sqs,
      sqsEndpoint: await sqs.call("endpoint", undefined),
      databases,
      postgresVersion: postgres.version,
      delayed: async (port, ms) => {
        const key = `${port} ${ms}`;
        const open = ports.get(key) ?? (await proxies.call("open", { port: Number(port), ms }));
        ports.set(key, open);
        return open;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
