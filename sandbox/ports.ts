// Finds a TCP port for a sandbox server. The sandbox listens only on the loopback address.
import { createServer } from "node:net";

/** The only address that sandbox servers bind to. */
export const LOOPBACK = "127.0.0.1";

/** Another process uses the port. */
export class PortInUse extends Error {
  override readonly name = "PortInUse";
  readonly port: number;

  constructor(port: number, options?: ErrorOptions) {
    super(`port ${port} on ${LOOPBACK} is in use`, options);
    this.port = port;
  }
}

/**
 * Resolves to `port` if it is free; for 0, to any free port. Does not reserve the port: another process can take it before
 * it is used.
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
        else reject(new Error(`there is no free port on ${LOOPBACK}`));
      });
    });
  });
}

/** Whether listening failed because the port is in use. */
export function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}
