// The servers that a run needs: SQS, the proxies and Postgres, each in its own process.
import { startPostgres } from "../../sandbox/postgres.ts";
import { makeCertificates } from "./certificates.ts";
import { openDatabases, type Databases } from "./databases.ts";
import type { ProxyService } from "./proxy-process.ts";
import { startRemote, type Remote } from "./service.ts";
import type { SqsService } from "./sqs-process.ts";

/** How the SQS server answers. */
interface SqsConditions {
  /** Milliseconds that each response is late; 0 by default. */
  readonly delayMs?: number | undefined;
  readonly tls?: boolean | undefined;
}

export interface Servers {
  readonly sqs: Remote<SqsService>;
  /** Resolves to the variables that lead a client to the SQS server under these conditions. */
  sqsEnvironment(conditions: SqsConditions): Promise<Readonly<{ AWS_ENDPOINT_URL_SQS: string }>>;
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
  const certificates = await makeCertificates();
  const postgres = await startPostgres().catch(async (error: unknown) => {
    await Promise.all([stopRemotes(), certificates.remove()]);
    throw error;
  });
  const databases = openDatabases(postgres.url);
  const stop = async (): Promise<void> => {
    await Promise.all([stopRemotes(), databases.close(), certificates.remove()]);
    await postgres.dispose();
  };
  const ports = new Map<string, number>();
  const endpoints = new Map<string, string>();
  return {
    sqs,
    sqsEnvironment: async ({ delayMs = 0, tls = false }) => {
      const key = `${delayMs} ${tls}`;
      const endpoint =
        endpoints.get(key) ?? (await sqs.call("listen", { delayMs, ...(tls && { tls: certificates.tls }) }));
      endpoints.set(key, endpoint);
      return { AWS_ENDPOINT_URL_SQS: endpoint, ...(tls ? certificates.env : {}) };
    },
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
}
