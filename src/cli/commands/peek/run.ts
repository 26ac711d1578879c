// `fetch-etl peek`: shows messages and leaves them in the queue.
import { readMaskingKeys } from "../../../config/masking-key.ts";
import { wholeNumber } from "../../../config/readers.ts";
import { readQueue, type QueueFlags } from "../../../config/queue.ts";
import { readMapping, type MappingFlags } from "../../../config/mapping.ts";
import { compile } from "../../../mapping/compile.ts";
import { readsAttributes } from "../../../mapping/path.ts";
import { asMapped } from "../../../drain/entry.ts";
import { peek, type Peeked } from "../../../drain/peek.ts";
import type { ReceivedMessage } from "../../../drain/ports.ts";
import { PEEK_COUNT } from "../../../drain/settings.ts";
import type { Context } from "../../context.ts";
import { MASKING_KEY, withSecrets } from "../../secrets.ts";
import { exitCodeOfStop } from "../../exit-codes.ts";
import { opened } from "../../opening.ts";
import { leftHiddenText } from "../drain/report.ts";
import { toShow, writePeeked, writePeekedJson, writeRaw, writeRawJson } from "./report.ts";

export interface PeekFlags extends QueueFlags, MappingFlags {
  readonly count?: string;
  readonly raw?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const SOCKETS = 10;

export async function runPeek(flags: PeekFlags, context: Context): Promise<number> {
  const { problems } = context;
  const count = wholeNumber(flags.count, "--count", { min: 1, max: 10_000 }, problems) ?? PEEK_COUNT;
  const mapping = await readMapping(flags, context.readFile, problems);
  const queueSettings = readQueue(flags, context.env, SOCKETS, problems);
  const maskingKeys =
    flags.raw === true
      ? undefined
      : readMaskingKeys(await withSecrets(context, problems, MASKING_KEY, flags.region), problems);
  problems.throwIfAny();

  const stop = context.catchSignals();
  const { clock } = context;
  const opening = context.services.openQueue(
    { ...queueSettings, withAttributes: readsAttributes(mapping) },
    context.log,
  );
  const queue = await opened("SQS", opening, { clock, stop });
  if (queue === undefined) return exitCodeOfStop(stop);
  try {
    const look = <T>(at: (message: ReceivedMessage) => T): Promise<Peeked<T>> =>
      peek({ count, force: flags.force === true }, { queue, clock, stop }, at);
    let looked: Peeked<unknown>;
    if (maskingKeys === undefined) {
      context.log.warn("--raw shows the original bodies, including personal data.");
      const write = flags.json === true ? writeRawJson : writeRaw;
      looked = await look((message) => {
        write(context, message);
      });
    } else {
      const plan = compile(mapping, maskingKeys[0]);
      const surroundings = { queueName: queue.name, now: context.epochNow() };
      const shown = await look((message) => toShow(message, plan.read(asMapped(message, surroundings))));
      if (flags.json === true) writePeekedJson(context, mapping.columns, shown.seen);
      else writePeeked(context, mapping.columns, shown.seen);
      looked = shown;
    }
    if (looked.leftHidden > 0) context.log.warn(leftHiddenText(looked.leftHidden));
    if (looked.seen.length === 0) context.log.note(`${queue.name}: no visible messages.`);
    return exitCodeOfStop(stop);
  } finally {
    queue.close();
  }
}
