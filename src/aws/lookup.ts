// Records what happens during a lookup of AWS credentials. The SDK's chain goes on to its next step when one fails, and its last error
// does not say why the earlier steps failed.
import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe } from "node:diagnostics_channel";
import { ClientRequest, IncomingMessage } from "node:http";
import { property } from "./fault.ts";

/** What the steps of one lookup reported. */
export interface Lookup {
  /** Messages of the SDK's errors: they may quote what a program or a server wrote, and are never shown. */
  readonly said: string[];
  /** How HTTP requests ended, in order: the path without its query, with a status, or an errno such as `ECONNREFUSED`. */
  readonly ends: {
    readonly path: string;
    readonly status?: number | undefined;
    readonly errno?: string | undefined;
  }[];
}

/** The lookup of credentials failed, before anything was sent to SQS. The cause is the SDK's error. */
export class CredentialsFault extends Error {
  override readonly name = "CredentialsFault";
  readonly lookup: Lookup;

  constructor(cause: unknown, lookup: Lookup) {
    super("no credentials", { cause });
    this.lookup = lookup;
  }
}

const lookups = new AsyncLocalStorage<Lookup>();
const requests = new WeakMap<object, Lookup>();
let subscribed = false;
let running = 0;

/** Runs a lookup of credentials, and records its steps in `lookup`. */
export async function listenTo<T>(lookup: Lookup, search: () => Promise<T>): Promise<T> {
  if (!subscribed) {
    subscribed = true;
    // Node's own channels: a request starts in the context of whoever makes it, and ends in any.
    subscribe("http.client.request.start", (message) => {
      const [request, current] = [property(message, "request"), lookups.getStore()];
      if (request instanceof ClientRequest && current !== undefined) requests.set(request, current);
    });
    subscribe("http.client.response.finish", (message) => {
      const response = property(message, "response");
      note(message, { status: response instanceof IncomingMessage ? response.statusCode : undefined });
    });
    subscribe("http.client.request.error", (message) => {
      const errno = property(property(message, "error"), "code");
      note(message, { errno: typeof errno === "string" ? errno : undefined });
    });
  }
  running += 1;
  try {
    return await lookups.run(lookup, search);
  } finally {
    running -= 1;
    // Before Node.js 24, a storage in use makes every promise of the process slower.
    if (running === 0) lookups.disable();
  }
}

/** For the SDK's logger: keeps the line during a lookup. */
export function noteDebug(line: unknown): void {
  if (typeof line === "string" && line.startsWith("@smithy/property-provider "))
    lookups.getStore()?.said.push(line);
}

function note(message: unknown, end: Pick<Lookup["ends"][number], "status" | "errno">): void {
  const request = property(message, "request");
  if (!(request instanceof ClientRequest)) return;
  const [path = ""] = request.path.split("?");
  requests.get(request)?.ends.push({ path, ...end });
}
