// `fetch-etl status`: the last runs of a queue, and how many messages are in the queue and in the quarantine.
import { readDatabase } from "../../../config/database.ts";
import {
  queueArnOf,
  queueNameOf,
  queueNameToShow,
  readQueue,
  type QueueFlags,
} from "../../../config/queue.ts";
import type { Context } from "../../context.ts";
import { DATABASE, withSecrets } from "../../secrets.ts";
import { EXIT } from "../../exit-codes.ts";
import { depthOf } from "../../queue-depth.ts";
import { writeStatus, writeStatusJson, type Status } from "./report.ts";

export interface StatusFlags extends QueueFlags {
  readonly json?: boolean;
}

const SOCKETS = 1;

export async function runStatus(flags: StatusFlags, context: Context): Promise<number> {
  const { problems } = context;
  const queueSettings = readQueue(flags, context.env, SOCKETS, problems);
  const resolved = await withSecrets(context, problems, DATABASE, flags.region);
  const { database } = problems.complete({ database: readDatabase(resolved, problems) });
  const { queue } = queueSettings;
  // The history contains ARNs. A name or a URL does not contain the account, so only the names are compared.
  const sought = queueArnOf(queue) === undefined ? (queueNameOf(queue) ?? queue) : queue;
  const [history, depth] = await Promise.all([
    context.services.readHistory(database, sought),
    depthOf(queueSettings, context),
  ]);
  const status: Status = { ...history, queue: queueNameToShow(queue) ?? "(not shown)", depth };
  if (flags.json === true) writeStatusJson(context, status);
  else writeStatus(context, status);
  return EXIT.done;
}
