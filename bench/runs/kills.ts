// Kills a contender again and again while it drains one queue, and counts what was lost and what was loaded twice.
import { setTimeout } from "node:timers/promises";
import { CONTENDERS, type ContenderName } from "../contenders.ts";
import { median } from "../figures/statistics.ts";
import type { Entry } from "../scenarios.ts";
import type { Servers } from "../servers/servers.ts";
import { failure, startProcess } from "./contender-process.ts";
import { prepare } from "./run.ts";

const KILLS = 10;
/** As over a network, so that a kill can come between a commit and the response to a delete. */
const SQS_DELAY_MS = 20;
const POLL_MS = 2;
/** A kill comes up to this much later than its share of the messages is deleted. */
const JITTER_MS = 40;
/** A run that ends although messages became visible again is followed by another. */
const LAST_RUNS = 3;

export interface KillResult {
  readonly contender: ContenderName;
  readonly ledger: boolean;
  readonly messages: number;
  readonly kills: number;
  /** Messages without a row. */
  readonly lost: number;
  /** Rows beyond the first of a message. */
  readonly doubled: number;
  /** Messages in flight after a kill, the median: they stay hidden until their visibility timeout has passed. */
  readonly hidden: number;
}

/** @throws Error if the contender fails, or leaves messages in the queue */
export async function runKills(
  servers: Servers,
  { contender: name, ledger, messages }: Pick<KillResult, "contender" | "ledger" | "messages">,
  signal: AbortSignal,
): Promise<KillResult> {
  const contender = CONTENDERS[name];
  const entry: Entry = { label: name, contender: name, messages, sqsDelayMs: SQS_DELAY_MS };
  return servers.databases.withDatabase(false, async (database) => {
    const { queue, env } = await prepare(servers, entry, database);
    const start = (): ReturnType<typeof startProcess> =>
      startProcess(contender, { flags: ledger ? [] : ["--no-ledger"], env, signal });

    const hidden: number[] = [];
    for (let kill = 1; kill <= KILLS; kill++) {
      const { child, ended, stderr } = start();
      // A request deletes at most ten messages.
      const deletes = (messages / 10 / (KILLS + 1)) * kill;
      while (child.exitCode === null && (await servers.sqs.call("requests", undefined)).delete < deletes) {
        await setTimeout(POLL_MS);
      }
      await setTimeout(Math.random() * JITTER_MS);
      child.kill("SIGKILL");
      await ended;
      if (child.exitCode !== null && child.exitCode !== 0)
        throw new Error(failure(contender, child, await stderr));
      hidden.push((await servers.sqs.call("depth", queue)).inFlight);
      await servers.sqs.call("expire", queue);
    }
    for (let run = 0; run < LAST_RUNS; run++) {
      const { child, ended, stderr } = start();
      await ended;
      if (child.exitCode !== 0) throw new Error(failure(contender, child, await stderr));
      await servers.sqs.call("expire", queue);
      const { visible } = await servers.sqs.call("depth", queue);
      if (visible === 0) break;
      if (run + 1 === LAST_RUNS) throw new Error(`${contender.title} left ${visible} messages in the queue`);
    }
    const { rows, distinct } = await servers.databases.countDistinct(database, "user_logins", "user_id");
    return {
      ...{ contender: name, ledger, messages, kills: KILLS },
      ...{ lost: messages - distinct, doubled: rows - distinct, hidden: median(hidden) ?? 0 },
    };
  });
}
