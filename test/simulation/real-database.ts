// Postgres for a comparison with the simulated database: with the sessions of the product's code, and with a trigger that lets rows wait or refuses them.
import { setTimeout } from "node:timers/promises";
import { openLoader, type PostgresLoader } from "../../src/postgres/load.ts";
import { openQuarantine } from "../../src/postgres/quarantine.ts";
import type { ReplayStore } from "../../src/quarantine/replay.ts";
import { openDatabases, type Database } from "../support/databases.ts";
import { startLossyRelay, type LossyRelay } from "./lossy-relay.ts";
import type { Setup } from "./setups.ts";

/** What becomes of the first of several calls at once, while the others wait for it. */
export type Ending =
  "commits" | "is cancelled" | "is killed" | "loses its request" | "loses its client" | "loses its answer";

/** SQLSTATE by what refuses a row: a value out of range, or a table that is missing. */
const SQL_STATES = { row: "22003", table: "42P01" } as const;

/** What a row waits for, and why it is refused. */
const OBSTACLE = `
  create table public.obstacle (held pg_catalog.text, refused pg_catalog.text);
  insert into public.obstacle default values;
  create function public.meet() returns trigger language plpgsql security definer as $$
    declare met public.obstacle;
    begin
      select * into met from public.obstacle;
      if met.held = new.id then perform pg_advisory_xact_lock_shared(1); end if;
      if met.refused is not null then raise exception using errcode = met.refused; end if;
      return new;
    end $$;
  create trigger meets before insert on public.events for each row execute procedure public.meet()`;

export class RealDatabase {
  /** The superuser's session. */
  readonly sql: Database["sql"];
  readonly drains: readonly PostgresLoader[];
  readonly replays: readonly ReplayStore[];
  /** A drain of the first queue connects by it. */
  readonly relay: LossyRelay;
  /** Closes all of it. */
  readonly dispose: () => Promise<void>;

  private constructor(parts: Pick<RealDatabase, "sql" | "drains" | "replays" | "relay" | "dispose">) {
    this.sql = parts.sql;
    this.drains = parts.drains;
    this.replays = parts.replays;
    this.relay = parts.relay;
    this.dispose = parts.dispose;
  }

  /** @param queues of each drain, and of each replay */
  static async open({ mapping }: Setup, queues: readonly [string, ...string[]]): Promise<RealDatabase> {
    const databases = await openDatabases();
    const database = await databases.make();
    const { columns } = mapping;
    const table = { schema: "public", name: "events" };
    const settings = { ...database.settings, table, columns, hasKeys: true };
    const drains = await Promise.all(queues.map((queue) => openLoader(settings, queue)));
    const quarantines = await Promise.all(queues.map(() => openQuarantine(settings)));
    const replays = await Promise.all(
      quarantines.map((quarantine, index) => quarantine.openReplay(undefined, { queue: queues[index] })),
    );
    const relay = await startLossyRelay(settings, queues[0]);
    await database.sql.unsafe(OBSTACLE);
    const dispose = async (): Promise<void> => {
      for (const each of [...drains, relay.drain, ...quarantines]) await each.close();
      await relay.stop();
      await databases.dispose();
    };
    return new RealDatabase({ sql: database.sql, drains, replays, relay, dispose });
  }

  async clear(): Promise<void> {
    await this.sql
      .unsafe(`delete from public.events; delete from fetch_etl.ledger; delete from fetch_etl.quarantine;
      update public.obstacle set held = null, refused = null`);
  }

  /** Refuses every row, or none any more. */
  async refuse(why: keyof typeof SQL_STATES | undefined): Promise<void> {
    await this.sql`update public.obstacle set refused = ${why === undefined ? null : SQL_STATES[why]}`;
  }

  /**
   * Starts each call when the one before has its answer, or waits for a lock in Postgres.
   *
   * @param held the id of the row that waits, until all have started
   */
  async together(
    held: string,
    first: () => Promise<unknown>,
    others: readonly (() => Promise<unknown>)[],
    ending: Ending = "commits",
  ): Promise<readonly unknown[]> {
    const { sql, relay } = this;
    await sql`update public.obstacle set held = ${held}`;
    await sql`select pg_advisory_lock(1)`;
    const pending = new Set<Promise<unknown>>();
    const start = async (call: () => Promise<unknown>): Promise<() => Promise<unknown>> => {
      const answer = call();
      pending.add(answer);
      void answer.finally(() => pending.delete(answer));
      for (;;) {
        await setTimeout(1);
        if ((await this.#waiting()) === pending.size) return () => answer;
      }
    };
    const waiter = sql`
      select pid from pg_stat_activity where datname = current_database() and wait_event = 'advisory'`;
    relay.isBroken = ending === "loses its request";
    const one = await start(first);
    if (ending === "is killed") {
      await sql`select pg_terminate_backend(pid) from (${waiter}) as waiter`;
      await one();
    }
    const meeting: (() => Promise<unknown>)[] = [];
    for (const other of others) meeting.push(await start(other));
    if (ending === "is cancelled") await sql`select pg_cancel_backend(pid) from (${waiter}) as waiter`;
    if (ending === "loses its client") relay.cut();
    if (ending === "loses its answer") relay.isDeaf = true;
    await sql`select pg_advisory_unlock(1)`;
    await this.#rest();
    if (relay.isDeaf) relay.cut();
    relay.isDeaf = relay.isBroken = false;
    return Promise.all([one, ...meeting].map((answer) => answer()));
  }

  /** The number of sessions that wait for a lock. */
  async #waiting(): Promise<number> {
    const [waiting] = await this.sql<{ sessions: number }[]>`
      select count(*)::integer as sessions from pg_stat_activity
      where datname = current_database() and backend_type = 'client backend' and wait_event_type = 'Lock'`;
    return waiting?.sessions ?? 0;
  }

  /** Until no statement runs any more, also none without a client. */
  async #rest(): Promise<void> {
    for (;;) {
      const [busy] = await this.sql`
        select 1 from pg_stat_activity
        where datname = current_database() and backend_type = 'client backend' and state <> 'idle'
          and pid <> pg_backend_pid()`;
      if (busy === undefined) return;
      await setTimeout(1);
    }
  }
}
