// Finds out which TCP port a sandbox server may listen on. The sandbox listens on the loopback address and nowhere else.
import { createServer } from "node:net";

/** The one address that sandbox servers bind to. */
export const LOOPBACK = "127.0.0.1";

/** Another process listens on the port. */
export class PortInUse extends Error {
  override readonly name = "PortInUse";
  readonly port: number;

  constructor(port: number, options?: ErrorOptions) {
    super(`port ${port} on ${LOOPBACK} is in use`, options);
    this.port = port;
  }
}

/**
 * Resolves to `port` if nobody listens on it, for 0 to a port that is free now. The port is not held: it can be lost
 * to another process before it is used.
 *
 * @throws {PortInUse}
 */
export function freePort(port = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => {
      reject(isAddressInUse(error) ? new PortInUse(port, { cause: error }) : error);
    });
    server.listen({ host: LOOPBACK, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === "object") resolve(address.port);
        else reject(new Error(`no port could be had on ${LOOPBACK}`));
      });
    });
  });
}

/** Whether a listen failed because the port is taken. */
export function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}
