// A way to Postgres on which a drain's request, its answer or the drain itself can get lost.
import type { Socket } from "node:net";
import type { DatabaseSettings } from "../../src/config/database.ts";
import { openLoader, type PostgresLoader } from "../../src/postgres/load.ts";
import { startPostgresRelay, type PostgresRelay } from "../support/postgres-relay.ts";

export interface LossyRelay extends PostgresRelay {
  /** A drain that connects by it. */
  readonly drain: PostgresLoader;
  /** Whether connections break when a client sends something. */
  isBroken: boolean;
  /** Whether no client gets what the server sends. */
  isDeaf: boolean;
  /** Ends all connections. */
  cut(): void;
}

/** @param queue of the drain */
export async function startLossyRelay(to: DatabaseSettings, queue: string): Promise<LossyRelay> {
  const opened = await startPostgresRelay(
    `postgres://${to.host}:${to.port}/${to.database}`,
    (client: Socket, upstream: Socket) => {
      client.on("data", (bytes) => {
        if (state.isBroken) client.destroy();
        else upstream.write(bytes);
      });
      client.on("error", () => undefined).on("close", () => upstream.destroy());
      upstream.on("error", () => undefined).on("close", () => client.destroy());
      upstream.on("data", (bytes) => {
        if (!state.isDeaf) client.write(bytes);
      });
    },
  );
  const state = { isBroken: false, isDeaf: false };
  const drain = await openLoader({ ...to, port: Number(new URL(opened.url).port) }, queue);
  return Object.assign(state, opened, {
    drain,
    cut: () => {
      for (const client of opened.clients) client.destroy();
    },
  });
}
