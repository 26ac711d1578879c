// Chooses the server among several (PostgreSQL documentation, "Specifying Multiple Hosts" and `target_session_attrs` of libpq).
import { eachServer, place, type DatabaseSettings } from "../config/database.ts";
import { Failure } from "../failure.ts";
import { errorCode } from "./tls.ts";

/** What a server says after the login. */
export interface ServerState {
  readonly isStandby: boolean;
  /** Whether a session's transactions are read-only; they are on a standby. */
  readonly isReadOnly: boolean;
}

type Target = DatabaseSettings["targetSession"];

/**
 * The settings for the first server that is reachable and of the kind that `target_session_attrs` asks for. A single server of any kind is
 * not asked, unless the settings can be renewed after a rejected login.
 *
 * @param ask logs in to one server
 * @param random 0 to 1, for the order
 * @throws {Failure} `unavailable` if there is none; `configuration` of the first server that gives one, as for a rejected login
 */
export async function chooseServer(
  settings: DatabaseSettings,
  ask: (server: DatabaseSettings) => Promise<ServerState>,
  random: () => number = Math.random,
): Promise<DatabaseSettings> {
  const { targetSession, others, source, renew } = settings;
  const servers = eachServer(settings);
  if (others.length === 0 && targetSession === "any") {
    if (renew !== undefined) for (const server of servers) await ask(server);
    return settings;
  }
  const failures: string[] = [];
  let secondChoice: DatabaseSettings | undefined;
  for (const server of settings.isRandom ? shuffled(servers, random) : servers) {
    try {
      const state = await ask(server);
      if (suits(state, targetSession)) return server;
      if (targetSession === "prefer-standby") secondChoice ??= server;
      failures.push(`${place(server)} (${kindOf(state)})`);
    } catch (error) {
      if (!(error instanceof Failure) || error.kind === "configuration") throw error;
      failures.push(`${place(server)} (${errorCode(error.cause)})`);
    }
  }
  if (secondChoice !== undefined) return secondChoice;
  throw new Failure(
    "unavailable",
    `No server in ${source} can be used: ${failures.join(", ")}. Check that one is running` +
      (targetSession === "any" ? "." : ` and is what target_session_attrs asks for, ${targetSession}.`),
  );
}

function suits({ isStandby, isReadOnly }: ServerState, target: Target): boolean {
  switch (target) {
    case "any":
      return true;
    case "read-write":
      return !isReadOnly;
    case "read-only":
      return isReadOnly;
    case "primary":
      return !isStandby;
    case "standby":
    case "prefer-standby":
      return isStandby;
  }
}

function kindOf({ isStandby, isReadOnly }: ServerState): string {
  if (isStandby) return "standby";
  return isReadOnly ? "read-only primary" : "primary";
}

/** Fisher–Yates. */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result: T[] = [];
  for (const item of items) {
    const index = Math.floor(random() * (result.length + 1));
    result.push(item);
    const other = result[index];
    if (other !== undefined) [result[index], result[result.length - 1]] = [item, other];
  }
  return result;
}
