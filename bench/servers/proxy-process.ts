// Proxies in their own process that add network latency. They delay responses but not requests, so one call takes the delay once, like
// a real round trip of that length.
import { connect, createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { LOOPBACK } from "../../sandbox/ports.ts";
import { offer } from "./service.ts";

export interface Delay {
  /** The port of the server on the loopback address. */
  readonly port: number;
  /** Milliseconds to delay each part of a response. */
  readonly ms: number;
}

const service = {
  /** Starts a proxy. Resolves to the port to use instead of the server's. */
  open: async ({ port, ms }: Delay): Promise<number> => {
    const proxy = createServer({ noDelay: true }, (client) => {
      const server = connect({ port, host: LOOPBACK, noDelay: true });
      // Timers of equal length fire in the order they were set, so the data stays in order.
      const later = (then: () => void): void => void setTimeout(then, ms);
      client.on("data", (data) => server.write(data)).on("end", () => server.end());
      server.on("data", (data) => {
        later(() => client.write(data));
      });
      server.on("end", () => {
        later(() => client.end());
      });
      client.on("error", () => server.destroy()).on("close", () => server.destroy());
      server.on("error", () => client.destroy());
    });
    await once(proxy.listen({ port: 0, host: LOOPBACK }), "listening");
    return portOf(proxy.address());
  },
};

export type ProxyService = typeof service;
offer(service);

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("a proxy has no port");
  return address.port;
}
