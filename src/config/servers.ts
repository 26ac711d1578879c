// Reads where the servers are: one, or several to be tried in order (PostgreSQL documentation, "Specifying Multiple Hosts").
import { isIP } from "node:net";
import type { Given, Parameter } from "./parameters.ts";
import { oneOf, type Problems } from "./readers.ts";

export interface ServerAddress {
  /** A host name, an address, or the directory of a Unix socket. */
  readonly host: string;
  /** The address to connect to; undefined to look up `host`. */
  readonly address: string | undefined;
  readonly port: number;
}

const TARGETS = ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"] as const;

export interface ServerChoice {
  /** What a server must be; libpq's `target_session_attrs`. */
  readonly targetSession: (typeof TARGETS)[number];
  /** Whether the servers are tried in random order. */
  readonly isRandom: boolean;
}

const DEFAULT_PORT = "5432";

/** @returns at least one; mistakes are added to `problems` */
export function readServers(given: Given, problems: Problems): [ServerAddress, ...ServerAddress[]] {
  const list = (name: Parameter): string[] => given.text(name)?.split(",") ?? [];
  const [hosts, addresses, ports] = [list("host"), list("hostaddr"), list("port")];
  const count = Math.max(hosts.length, addresses.length, 1);
  if (hosts.length > 0 && addresses.length > 0 && hosts.length !== addresses.length) {
    problems.add(`${given.setting("hostaddr")} must name as many addresses as there are hosts.`);
  }
  if (ports.length > 1 && ports.length !== count) {
    problems.add(`${given.setting("port")} must name one port, or as many as there are hosts.`);
  }
  if (hosts.includes("")) {
    problems.add(`${given.setting("host")} ${hosts.length > 1 ? "has an empty entry" : "is empty"}.`);
  }
  if (addresses.some((address) => isIP(address) === 0)) {
    problems.add(`${given.setting("hostaddr")} is not an IP address.`);
  }
  const serverAt = (index: number): ServerAddress => {
    const address = addresses[index];
    // Of several ports, an empty one is the default.
    const port = (ports.length > 1 ? ports[index] : ports[0]) ?? DEFAULT_PORT;
    return {
      host: hosts[index] ?? address ?? "localhost",
      address,
      port: digits(ports.length > 1 && port === "" ? DEFAULT_PORT : port),
    };
  };
  const servers: [ServerAddress, ...ServerAddress[]] = [
    serverAt(0),
    ...Array.from({ length: count - 1 }, (_, index) => serverAt(index + 1)),
  ];
  if (!servers.every(({ port }) => port >= 1 && port <= 65_535)) {
    problems.add(`${given.setting("port")} is not a number from 1 to 65535.`);
  }
  return servers;
}

/** Mistakes are added to `problems`. */
export function readServerChoice(given: Given, problems: Problems): ServerChoice {
  const [target, order] = [given.text("target_session_attrs"), given.text("load_balance_hosts")];
  const isRandom =
    order !== undefined &&
    oneOf(order, given.setting("load_balance_hosts"), ["disable", "random"], problems) === "random";
  const targetSession =
    target === undefined
      ? undefined
      : oneOf(target, given.setting("target_session_attrs"), TARGETS, problems);
  return { targetSession: targetSession ?? "any", isRandom };
}

/** NaN for anything but digits. */
export function digits(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : NaN;
}
