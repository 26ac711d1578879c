// Proxies in a process of their own that add a network's latency: what a server answers arrives later. Asking costs
// nothing, so that one exchange is late by the delay once, as it is with a real round trip of that length.
import { connect, createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { LOOPBACK } from "../../sandbox/ports.ts";
import { offer } from "./service.ts";

export interface Delay {
  /** The port of the server on the loopback address. */
  readonly port: number;
  /** By how many milliseconds each piece of an answer is held back. */
  readonly ms: number;
}

const service = {
  /** Starts a proxy. Resolves to the port to use in the server's place. */
  open: async ({ port, ms }: Delay): Promise<number> => {
    const proxy = createServer({ noDelay: true }, (client) => {
      const server = connect({ port, host: LOOPBACK, noDelay: true });
      // Timers of one length run in the order in which they were set: nothing overtakes.
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
