// `fetch-etl drain`: loads every message in the queue.
import { place, readDatabase } from "../../../config/database.ts";
import { readMaskingKeys } from "../../../config/masking-key.ts";
import { readMapping } from "../../../config/mapping.ts";
import type { Problems } from "../../../config/readers.ts";
import { readRecipients } from "../../../config/recovery.ts";
import { queueNameToShow, readQueue } from "../../../config/queue.ts";
import { qualifiedTable, readTable } from "../../../config/table.ts";
import { readMetricsPush } from "../../../config/metrics-push.ts";
import { readRunFiles } from "../../../config/files.ts";
import { drain } from "../../../drain/loop.ts";
import { createEntryMaker } from "../../../drain/entry.ts";
import { compile } from "../../../mapping/compile.ts";
import { readsAttributes } from "../../../mapping/path.ts";
import { settledOf, unitOf } from "../../../drain/counts.ts";
import type { Queue } from "../../../drain/ports.ts";
import { requireRedrive } from "../../../drain/dead-letter.ts";
import type { PostgresLoader } from "../../../postgres/load.ts";
import type { Context } from "../../context.ts";
import { DATABASE, MASKING_KEY, withSecrets } from "../../secrets.ts";
import { EXIT, exitCodeOfStop } from "../../exit-codes.ts";
import { adviseOnKey } from "../../key-advice.ts";
import { writeJson } from "../../output.ts";
import { opened, whenReady } from "../../opening.ts";
import {
  beforeFailureText,
  drainFields,
  leftHiddenText,
  reasonsText,
  writeDrainSummary,
  type FinishedDrain,
} from "./report.ts";
import { count, plural } from "../../terminal/style.ts";
import { startProgressLog } from "../../log/progress-log.ts";
import { canShowProgress, startProgress, type Watched } from "../../terminal/progress.ts";
import { Outages, type OutageNotices } from "../../../drain/outages.ts";
import { checkKey } from "./key-check.ts";
import { readDrain, type DrainFlags } from "./flags.ts";
import { recordRun, type Run } from "./run-record.ts";

/** Sockets in addition to a receive and a delete per unit of concurrency. */
const EXTRA_SOCKETS = 4;

export async function runDrain(flags: DrainFlags, context: Context): Promise<number> {
  const { problems } = context;
  const files = readRunFiles(flags, context.checkWritable, problems);
  const push = readMetricsPush(flags, problems);
  const started = context.clock.now();
  return recordRun({ ...files, push }, flags.dryRun === true, context, (run) =>
    drainQueue(flags, context, problems, { run, started }),
  );
}

async function drainQueue(
  flags: DrainFlags,
  context: Context,
  problems: Problems,
  { run, started }: { readonly run: Run; readonly started: number },
): Promise<number> {
  const dryRun = flags.dryRun === true;
  const config = readDrain(flags, problems);
  const queueSettings = readQueue(flags, context.env, 2 * config.concurrency + EXTRA_SOCKETS, problems);
  run.queueName = queueNameToShow(queueSettings.queue);
  const secrets = dryRun ? MASKING_KEY : [...MASKING_KEY, ...DATABASE];
  const resolved = await withSecrets(context, problems, secrets, flags.region);
  const maskingKeys = readMaskingKeys(resolved, problems);
  const mapping = await readMapping(flags, context.readFile, problems);
  const database = dryRun ? undefined : readDatabase(resolved, problems, flags, mapping);
  const table = dryRun ? readTable(flags, problems, mapping.table) : database?.table;
  const recipients = dryRun ? undefined : readRecipients(context.env, problems);
  if (maskingKeys === undefined) await adviseOnKey(context, database);
  const needed = problems.complete({ maskingKeys });
  // A variable that stays in the environment of a scheduled run would otherwise stop all loading, with exit code 0.
  if (dryRun && /^(true|1)$/.test(context.env["FETCH_ETL_DRY_RUN"] ?? "")) {
    context.log.warn(
      "FETCH_ETL_DRY_RUN is set: this run loads and deletes nothing. Unset it to load messages.",
    );
  }
  run.table = table && qualifiedTable(table);

  const stop = context.catchSignals();
  const { clock, log, random, versions } = context;
  const identity = { runId: context.runId, version: versions.fetchEtl, host: context.host };
  log.event("Drain started", { ...identity, queue: run.queueName, table: run.table, dryRun });
  log.debug("Effective settings", { ...config });
  const sealer = recipients === undefined ? undefined : await context.services.createSealer(recipients);
  const { maxMessages, maxSeconds } = config;
  const limits = { clock, log, stop, maxSeconds, started, waitSeconds: config.waitSeconds };
  const interrupted = (): number => {
    run.stoppedBy = "signal";
    return exitCodeOfStop(stop);
  };
  const withAttributes = readsAttributes(mapping);
  const openQueue = (): Promise<Queue> =>
    context.services.openQueue({ ...queueSettings, withAttributes }, log);
  const queue = await opened("SQS", whenReady(openQueue, limits), limits);
  if (queue === undefined) return interrupted();
  run.queue = queue;
  let loader: PostgresLoader | undefined;
  try {
    if (config.onReject === "leave") requireRedrive(queue);
    if (database !== undefined) {
      const openLoader = (): Promise<PostgresLoader> =>
        context.services.openLoader(database, queue.id, sealer?.dataKey, context.runId);
      loader = await opened(`Postgres at ${place(database)}`, whenReady(openLoader, limits), limits);
      if (loader === undefined) return interrupted();
      run.loader = loader;
    }
    if (loader?.warning !== undefined) log.warn(loader.warning);
    const [keys] = needed.maskingKeys;
    const keyIds = needed.maskingKeys.map(({ keyId }) => keyId);
    if (loader !== undefined) await checkKey(loader, keyIds, flags.strictKey === true, log);
    loader?.recordStart({
      ...{ target: run.table ?? "", host: context.host, version: versions.fetchEtl, keyId: keys.keyId },
      elapsedMs: clock.now() - started,
    });
    const entries = createEntryMaker({
      plan: compile(mapping, keys),
      keys,
      queueId: queue.id,
      queueName: queue.name,
      now: context.epochNow(),
      randomBytes: context.randomBytes,
      sealer,
    });
    const { counts } = run;
    const { retryForSeconds } = config;
    const outages = (run.outages = new Outages(clock, outageNotices(context, flags, retryForSeconds)));
    const watched = { queue, counts, stop, outages, retryForSeconds, maxMessages, dryRun };
    const endProgress = await showProgress(context, flags, watched);
    const elapsedSeconds = (clock.now() - started) / 1000;
    const settings =
      maxSeconds === undefined ? config : { ...config, maxSeconds: maxSeconds - elapsedSeconds };
    const report = await drain(settings, {
      queue: outages.queue(queue),
      loader: loader && outages.loader(loader),
      entries,
      clock,
      random,
      stop,
      counts,
      notices: log,
    })
      .catch((error: unknown) => {
        endProgress();
        if (counts.received > 0) log.warn(beforeFailureText(counts, dryRun));
        throw error;
      })
      .finally(endProgress);
    run.report = report;
    const ends = { queue, table: run.table };
    tell(context, flags, ends, { ...report, waitedMs: outages.waited });
    if (stop.aborted) return exitCodeOfStop(stop);
    if (report.databaseSilent) return EXIT.unavailable;
    await loader?.prune(config.ledgerDays, stop).catch(() => {
      // The rows are already loaded, so this does not fail the run.
      log.warn(
        "Could not delete old entries of the ledger. They only take up space, so nothing is lost or doubled. The next run tries again.",
      );
    });
    return report.quarantined + report.left > 0 && flags.failOnQuarantine === true
      ? EXIT.quarantined
      : EXIT.done;
  } finally {
    queue.close();
  }
}

/** Shows progress: JSON log lines, a progress line, or nothing with `--json` or `--quiet`. */
async function showProgress(context: Context, flags: DrainFlags, watched: Watched): Promise<() => void> {
  if (context.log.format !== "text") return startProgressLog(context, watched.queue.name, watched.counts);
  return hasProgressLine(context, flags) ? startProgress(context, watched) : () => undefined;
}

function hasProgressLine(context: Context, { json, quiet }: DrainFlags): boolean {
  return context.log.format === "text" && json !== true && quiet !== true && canShowProgress(context);
}

/** Where no progress line shows that a run waits, the log has a warning per outage. */
function outageNotices(context: Context, flags: DrainFlags, retryForSeconds: number): OutageNotices {
  const { log } = context;
  return {
    lasts: ({ server, code }) => {
      if (hasProgressLine(context, flags)) return;
      const why = code === undefined ? "" : ` (${code})`;
      const limit = plural(retryForSeconds, "second");
      log.warn(`${server} is unavailable${why}. Retrying for up to ${limit} (--retry-for).`, {
        server,
        code: code ?? null,
        retryForSeconds,
      });
    },
    ended: ({ server }, waitedMs) => {
      log.event(`${server} is available again`, { server, waitedMs });
    },
  };
}

function tell(
  context: Context,
  flags: DrainFlags,
  { queue, table }: { readonly queue: Queue; readonly table: string | undefined },
  report: FinishedDrain,
): void {
  const dryRun = flags.dryRun === true;
  const { runId, versions, host } = context;
  if (flags.json === true)
    writeJson(
      context.stdout,
      drainFields({ runId, version: versions.fetchEtl, host, queue: queue.name, table }, report, dryRun),
    );
  else if (flags.quiet !== true) writeDrainSummary(context, queue.name, report, dryRun);
  const reasons = reasonsText(report);
  if (report.quarantined > 0) {
    const messages = plural(report.quarantined, unitOf(report));
    const why = reasons === "" ? "" : `: ${reasons}`;
    context.log.warn(
      dryRun
        ? `A drain would quarantine ${messages}${why}.`
        : `${messages} quarantined${why}. Run "fetch-etl quarantine list" for details.`,
    );
  }
  if (report.skipped > 0 && report.skipped === settledOf(report)) {
    context.log.warn(
      `The mapping skipped everything that was received (${count(report.skipped)}). A drain deletes skipped messages. ` +
        'Check "when", "records" and "envelopes" in the mapping.',
    );
  }
  if (report.left > 0 && !dryRun) {
    context.log.warn(
      `${plural(report.left, "delivery", "deliveries")} from queue ${queue.name} could not be loaded and stayed in the queue` +
        `${reasons === "" ? "" : `: ${reasons}`}. SQS moves a ` +
        `message to the dead-letter queue after ${plural(queue.maxReceiveCount ?? 0, "receive")}. ` +
        'Run "fetch-etl peek" on that queue to see why it was rejected.',
    );
  }
  if (report.databaseSilent) {
    context.log.warn(
      "Postgres did not answer before the run ended; it may still commit the rows that were already sent.",
    );
  }
  if (report.leftHidden > 0) context.log.warn(leftHiddenText(report.leftHidden));
  if (report.stillVisible) {
    context.log.warn(
      `Queue ${queue.name} reports ${plural(report.remaining?.visible ?? 0, "visible message")}, but SQS did not return any.`,
    );
  }
}
