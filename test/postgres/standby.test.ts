// A server whose synchronous standby never answers, and an operator who cancels what waits for it.
import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { expect, it } from "vitest";
import { startPostgres } from "../../sandbox/postgres.ts";
import type { DatabaseSettings } from "../../src/config/database.ts";
import { createBodyOpener } from "../../src/quarantine/message.ts";
import { DatabaseLost } from "../../src/drain/ports.ts";
import { replay } from "../../src/quarantine/replay.ts";
import { initialise } from "../../src/postgres/init.ts";
import { openLoader, type PostgresLoader } from "../../src/postgres/load.ts";
import { openQuarantine } from "../../src/postgres/quarantine.ts";
import { openRotation } from "../../src/postgres/rotation.ts";
import { openVault } from "../../src/postgres/vault.ts";
import { createSealer, type Sealer } from "../../src/recovery/recipients.ts";
import { openDatabases, type Database } from "../support/databases.ts";
import { KEYS, loginEntries } from "../support/login-entries.ts";
import { entryOf, NO_SEARCH, replaySettings, readVault } from "./entries.ts";

const QUEUE = "arn:aws:sqs:us-east-1:000000000000:logins";
const ONLY_ON_PRIMARY = expect.stringContaining("only on the primary") as string;

it("nothing counts as done whose wait for a synchronous standby was cancelled", async () => {
  const server = await startPostgres();
  const databases = await openDatabases(server.url);
  const open: PostgresLoader[] = [];
  try {
    const database = await databases.make();
    const { settings, sql } = database;
    const sealer = await createSealer(
      [await identityToRecipient(await generateX25519Identity())],
      randomBytes,
    );
    await initialise(settings);
    const loader = await openLoader(settings, QUEUE, sealer.dataKey);
    await loader.load([login("kept", sealer)]);
    await loader.load([login("held", sealer, ["ip: bad"])]);
    await loader.close();
    const [kept] = await sql<{ token: string }[]>`select token from fetch_etl.vault where field = 'ip'`;
    const tokens = [kept?.token ?? ""];

    // For the test's own sessions, which would wait, too.
    await databases.admin`alter role current_user set synchronous_commit = local`;
    await databases.admin`alter system set synchronous_standby_names = 'nobody'`;
    // A reload takes effect at some later moment.
    await server.restart();
    const cancelled = (work: () => Promise<unknown>): Promise<unknown> => whileCancelling(database, work);
    const lost = { name: "DatabaseLost", failure: { kind: "unavailable", message: ONLY_ON_PRIMARY } };
    const unavailable = { kind: "unavailable", message: ONLY_ON_PRIMARY };

    const [first, other] = [await openLoader(settings, QUEUE), await openLoader(settings, QUEUE)];
    open.push(first, other);
    // The second time it is known to be committed; to the other drain it is a duplicate.
    for (const each of [first, first, other]) {
      const error = await cancelled(() => each.load([login("a", sealer)]));
      expect(error).toBeInstanceOf(DatabaseLost);
      expect(error).toMatchObject(lost);
    }
    const vault = openVault(settings);
    expect(await cancelled(() => readVault(settings, tokens, "request 1"))).toMatchObject(unavailable);
    expect(await cancelled(() => replayAll(settings, sealer))).toMatchObject(lost);
    const remask = (): never => {
      throw new Error("nothing is to be masked");
    };
    expect(await cancelled(() => openRotation(settings, "new-key0", remask))).toMatchObject(unavailable);
    expect(await cancelled(() => vault.forget(tokens, "request 2", NO_SEARCH))).toMatchObject(unavailable);

    await databases.admin`alter system reset synchronous_standby_names`;
    await databases.admin`select pg_reload_conf()`;
    expect(await first.load([login("a", sealer)])).toEqual({ loaded: 1, quarantined: 0, duplicates: 0 });
    const [counts] = await sql`select (select count(*)::int from user_logins) as rows,
      (select count(*)::int from fetch_etl.ledger) as noted, (select array_agg(action order by at) from fetch_etl.reveal_log) as log`;
    expect(counts).toEqual({ rows: 3, noted: 4, log: ["reveal", "rotate", "forget"] });
  } finally {
    for (const loader of open) await loader.close();
    await databases.dispose();
    await server.dispose();
  }
});

function login(messageId: string, sealer: Sealer, reasons?: readonly string[]) {
  const maker = loginEntries({ queueId: QUEUE, randomBytes, sealer });
  const body = JSON.stringify({
    ...{ user_id: messageId, app_version: "1.0", device_type: null, locale: null },
    ...{ ip: "192.0.2.77", device_id: "device" },
  });
  const message = { messageId, sentAt: 1_700_000_000_000, body };
  return reasons === undefined ? entryOf(maker, message) : maker.reject(message, reasons);
}

async function replayAll(settings: DatabaseSettings, sealer: Sealer): Promise<void> {
  const quarantine = await openQuarantine(settings);
  try {
    const store = await quarantine.openReplay(sealer.dataKey, undefined);
    await replay(store, createBodyOpener([KEYS]), replaySettings(KEYS, sealer));
  } finally {
    await quarantine.close();
  }
}

/** What `work` fails with while each wait for a standby is cancelled. */
async function whileCancelling({ sql, settings }: Database, work: () => Promise<unknown>): Promise<unknown> {
  const failure = work().then(
    () => undefined,
    (error: unknown) => error,
  );
  const over = new AbortController();
  void failure.finally(() => {
    over.abort();
  });
  while (!over.signal.aborted) {
    await sql`
      select pg_cancel_backend(pid) from pg_stat_activity
      where wait_event = 'SyncRep' and application_name = ${settings.applicationName}`;
    await setTimeout(10);
  }
  return failure;
}
