// The promises of the product that are checked in a simulated world.
import { EMPTY_POLLS } from "../../src/drain/poller.ts";
import type { Waited } from "../../src/drain/outages.ts";
import type { DrainReport } from "../../src/drain/report.ts";
import type { DrainSettings } from "../../src/drain/settings.ts";
import { canonicalIp } from "../../src/masking/canonical.ts";
import { keyIdOf, maskOf } from "../../src/masking/token.ts";
import { createBodyOpener } from "../../src/quarantine/message.ts";
import { revealEntries } from "../../src/recovery/reveal.ts";
import type { RotationReport } from "../../src/recovery/rotate.ts";
import type { SimulatedDatabase } from "./database.ts";
import type { RunLoader } from "./loader.ts";
import type { SimulatedQueue } from "./queue.ts";
import type { Told } from "./queue-port.ts";
import type { Rotation } from "./recovery.ts";
import type { Sent, SentRecord, Shape } from "./sent.ts";
import { isAccepted, type Accepts, type Setup } from "./setups.ts";
import { rowKey } from "./tables.ts";
import { OPENER } from "./vault.ts";
import type { Commit, World } from "./world.ts";

/** Whether each record of the message has its outcome, in commits that count. */
export function isSettled(
  database: SimulatedDatabase,
  sent: Sent,
  counts: (commit: Commit) => boolean,
): boolean {
  const held = database.quarantine.get(sent.identity);
  const isHeld = (record?: number): boolean =>
    held !== undefined &&
    counts(held.commit) &&
    (record === undefined || held.rejection.records?.includes(record) !== false);
  if (sent.whole !== undefined) return sent.whole === "skipped" || isHeld();
  return sent.records.every(({ fate, key }, index) => {
    if (fate === "skipped" || database.skipped.has(rowKey(sent.identity, index))) return true;
    const row = database.rows.get(rowKey(sent.identity, index));
    if ((row !== undefined && counts(row.commit)) || isHeld(index)) return true;
    // Perhaps it was a duplicate in another queue, before SQS moved the message.
    const earlier = key === undefined ? [] : (database.rowsByKey.get(key) ?? []);
    return earlier.some(({ commit }) => counts(commit));
  });
}

/** How long a run asks for messages that the queue counts and does not return, milliseconds, at least. */
const LEAST_SEARCH_MS = 30_000;

/** A run that ended by itself. */
export interface Ended {
  readonly name: string;
  readonly report: DrainReport;
  readonly told: Told;
  readonly settings: DrainSettings;
  /** The ids of the messages that it still holds. */
  readonly held: readonly string[];
  readonly wasStopped: boolean;
  readonly wasSuspended: boolean;
  readonly loader: Pick<RunLoader, "unknown" | "isBusy" | "hasFailed" | "outages">;
  readonly waited: Waited;
  /** How long it took by its own clock, milliseconds. */
  readonly took: number;
  readonly accepts: Accepts;
}

/**
 * The counts of a run are what happened.
 *
 * @param database undefined where a failover lost commits in the meantime
 */
export function checkReport(
  world: World,
  ended: Ended,
  database: SimulatedDatabase | undefined,
  shape: Shape,
): void {
  const { name, report, told, settings, held, wasStopped, wasSuspended, loader } = ended;
  const equal = (what: string, said: number, is: number): void => {
    world.require(said === is, () => `${name} says ${what} ${said}, and it is ${is}`);
  };
  const most = (what: string, said: number, is: number): void => {
    world.require(said <= is, () => `${name} says ${what} ${said}, and it is ${is} at most`);
  };
  const between = (what: string, said: number, is: number): void => {
    most(what, said, is);
    world.require(is <= said + loader.unknown(), () => `${name} says ${what} ${said}, and it is ${is}`);
  };
  // After a signal or at a time limit, the last answers are not waited for.
  const isWhole = !wasStopped && settings.maxSeconds === undefined;
  const check = isWhole ? equal : most;
  if (settings.maxMessages === undefined) check("received", report.received, told.received);
  else most("received", report.received, Math.min(told.received, settings.maxMessages));
  check("released", report.released, told.released);
  // A message that was delivered again in the meantime is deleted again, and counted then; but not one beyond the limit.
  const again = isWhole && settings.maxMessages === undefined ? told.overtaken : 0;
  most("deleted", report.deleted, told.deleted - again);
  if (isWhole) most("deleted and outdated", told.deleted, report.deleted + told.outdated);
  if (database !== undefined && !report.databaseSilent) {
    const rows = [...database.rows.values()].filter(({ run }) => run === name).length;
    between("loaded", report.loaded, rows);
    const quarantined = [...database.quarantine.values(), ...database.purged]
      .filter(({ run }) => run === name)
      .reduce((sum, { rejection }) => sum + (rejection.records?.length ?? 1), 0);
    between("quarantined", report.quarantined, quarantined);
  }
  world.require(
    report.databaseSilent || !loader.isBusy(),
    () => `${name} does not say that Postgres is silent`,
  );
  checkUnwritten(world, ended, isWhole && settings.maxMessages === undefined);
  checkReasons(world, ended, database);
  checkEnding(world, ended);
  // Nothing is left to release when everything was written and deleted.
  if (isWhole && told.received <= (settings.maxMessages ?? Infinity)) equal("released", told.released, 0);
  const { loaded, duplicates, quarantined, skipped, left, received } = report;
  if (isWhole && !shape.hasRecords)
    equal("received", received, loaded + duplicates + quarantined + skipped + left);
  // What it could not release, it reports.
  const unreleased = told.unreleased > 0 || wasSuspended ? report.leftHidden : 0;
  world.require(held.length <= unreleased + left, () => `${name} ends and holds ${held.join(" ")}`);
  world.require(
    !report.stillVisible || report.durationMs >= LEAST_SEARCH_MS,
    () => `${name} gives up after ${report.durationMs} ms, although the queue counts messages`,
  );
  // Also with a time limit: only an empty queue ends a run like this.
  if (report.stoppedBy === "empty")
    world.require(
      told.nothingNew >= EMPTY_POLLS,
      () => `${name} ends after ${told.nothingNew} receives without a new message`,
    );
  const { visible } = told.depth ?? {};
  if (report.stoppedBy === "empty" && !report.stillVisible)
    world.require(
      visible === 0,
      () => `${name} ends as if the queue were empty, which counts ${visible ?? "nothing"}`,
    );
  world.require(
    report.remaining === undefined || report.remaining === told.depth,
    () => `${name} says other counts than SQS said last`,
  );
}

/** Values that are NULL, skipped records and left messages are counted for each delivery that the run has read: at least one. */
function checkUnwritten(world: World, ended: Ended, readsAll: boolean): void {
  const { name, report, told, settings, accepts } = ended;
  const said = { skipped: report.skipped, left: report.left, invalid: report.invalid.get("note") ?? 0 };
  const check = (
    what: keyof typeof said,
    of: (sent: Sent) => number,
    knows: "both" | "least" | "most",
  ): void => {
    const counts = [...told.deliveries].map(([sent, times]) => ({ times, each: of(sent) }));
    const least = readsAll && knows !== "most" ? counts.reduce((sum, { each }) => sum + each, 0) : 0;
    const most =
      knows !== "least" ? counts.reduce((sum, { each, times }) => sum + each * times, 0) : Infinity;
    world.require(
      least <= said[what] && said[what] <= most,
      () => `${name} says ${what} ${said[what]}, and it is from ${least} to ${most}`,
    );
  };
  const refusesAll = world.faults.wasPlayed("table refuses");
  check(
    "skipped",
    ({ whole, records }) =>
      whole === "skipped" ? 1 : records.filter(({ fate }) => fate === "skipped").length,
    "both",
  );
  const isRow = ({ fate }: SentRecord): boolean => fate !== "refused" && isAccepted(fate, accepts);
  check(
    "invalid",
    ({ attributes, records }) => (attributes["note"] === "?" ? records.filter(isRow).length : 0),
    refusesAll ? "most" : "both",
  );
  const isLeft = ({ whole, records }: Sent): boolean =>
    whole === "rejected" ||
    records.some(({ fate }) => fate === "refused" || (fate !== "skipped" && !isAccepted(fate, accepts)));
  const leaves = settings.onReject === "leave";
  check("left", (sent) => (leaves && isLeft(sent) ? 1 : 0), leaves && refusesAll ? "least" : "both");
}

/** Each rejected message is counted for each of its reasons, and so is each of its deliveries, at most. */
function checkReasons(
  world: World,
  { name, report, told, accepts, loader }: Ended,
  database: SimulatedDatabase | undefined,
): void {
  const deliveriesOf = (isRejected: (sent: Sent) => boolean): number =>
    [...told.deliveries].reduce((sum, [sent, times]) => sum + (isRejected(sent) ? times : 0), 0);
  const ofMapping = deliveriesOf(
    ({ whole, records }) =>
      whole === "rejected" ||
      records.some(({ fate }) => fate !== "skipped" && fate !== "refused" && !isAccepted(fate, accepts)),
  );
  const ofPostgres = world.faults.wasPlayed("table refuses")
    ? deliveriesOf(() => true)
    : deliveriesOf(({ records }) => records.some(({ fate }) => fate === "refused"));
  for (const [reason, said] of report.reasons) {
    const most = reason.includes("refused by Postgres") ? ofPostgres : ofMapping;
    world.require(said <= most, () => `${name} says ${said} times "${reason}", and it is ${most} at most`);
  }
  if (database === undefined || report.databaseSilent) return;
  const held = [...database.quarantine.values(), ...database.purged].filter(({ run }) => run === name).length;
  const said = [...report.reasons.values()].reduce((sum, times) => sum + times, 0);
  world.require(
    held <= said + loader.unknown(),
    () => `${name} counts ${said} reasons, and quarantined ${held} messages`,
  );
}

/** Why it ended, after how long, and how long it waited for a server. */
function checkEnding(world: World, ended: Ended): void {
  const { name, report, told, settings, wasStopped, wasSuspended, loader, waited, took } = ended;
  const { maxSeconds = Infinity, maxMessages = Infinity } = settings;
  const { stoppedBy, durationMs, received } = report;
  const isOver = !wasSuspended && durationMs > maxSeconds * 1000 + 1;
  world.require(
    wasStopped === (stoppedBy === "signal") &&
      (!isOver || wasStopped || stoppedBy === "max-seconds") &&
      (stoppedBy !== "max-seconds" || maxSeconds < Infinity) &&
      (stoppedBy !== "max-messages" || received >= maxMessages) &&
      (stoppedBy !== "empty" || received < maxMessages),
    () => `${name} says that it ended because of ${stoppedBy}`,
  );
  world.require(
    Math.abs(durationMs - took) <= 1,
    () => `${name} says that it took ${durationMs} ms, and it is ${took}`,
  );
  world.require(
    wasStopped || loader.isBusy() || !loader.hasFailed(),
    () => `${name} ends as if its last load had not failed`,
  );
  world.require(
    told.waiting === 0 || loader.isBusy(),
    () => `${name} ends and has not read ${told.waiting} answers`,
  );
  for (const [server, said, longest] of [
    ["SQS", waited.sqs, told.outages.longestOf("receive")],
    ["Postgres", waited.postgres, loader.outages.longestOf("load")],
  ] as const)
    world.require(
      wasSuspended || (said >= Math.floor(longest) && said <= took + 1),
      () => `${name} says that it waited ${said} ms for ${server}, and it is ${Math.round(longest)} at least`,
    );
}

/** A rotation that ended by itself. */
export interface Rotated extends Rotation {
  readonly name: string;
  readonly keyId: string;
  readonly report: RotationReport;
  /** When it began. */
  readonly since: number;
}

/** What a rotation reports is what happened, and where nobody wrote tokens of another key beside it, nothing is left to rotate. */
export function checkRotated(
  world: World,
  { rows, vault, wroteAt }: SimulatedDatabase,
  { name, keyId, report, since, changed, leftLast, tables: { others } }: Rotated,
): void {
  for (const [what, said, is] of [
    ["rows", report.rows, changed.rows],
    ["entries", report.vault, changed.vault],
  ] as const)
    world.require(said === is, () => `${name} says it changed ${said} ${what}, and changed ${is}`);
  if (report.left === undefined) return;
  const [said, is] = [report.left, leftLast()].map((left) => JSON.stringify(left));
  world.require(said === is, () => `${name} says ${said} is left, and it is ${is}`);
  const isAlone = [...wroteAt].every(([id, at]) => id === keyId || at < since);
  if (!isAlone) return;
  for (const { token } of rows.values()) {
    world.require(
      keyIdOf(token) === keyId || !vault.entries.has(token),
      () => `${name} leaves ${token} in a row, which is in the vault`,
    );
  }
  world.require(
    report.left.every(({ inVault }) => inVault === 0),
    () => `${name} says that values are left`,
  );
  for (const token of others.length > 0 ? [] : vault.entries.keys())
    world.require(keyIdOf(token) === keyId, () => `${name} leaves ${token} in the vault`);
}

/** Each token in a row, or in a copy of the table, opens to the value that was sent, unless it was forgotten. */
async function checkVault(world: World, { rows, vault }: SimulatedDatabase, { keys }: Setup): Promise<void> {
  const secrets = new Map([...rows.values()].map(({ token, record }) => [token, record.secret]));
  const tokens = [...new Set([...secrets.keys(), ...vault.inCopy])];
  const entries = tokens.flatMap((token) => {
    const entry = vault.read(token);
    const isForgotten = vault.forgotten.has(token);
    world.require(isForgotten !== (entry !== undefined), () => `${token} is in a table and not in the vault`);
    return entry ?? [];
  });
  const revealed = await revealEntries(OPENER, entries);
  if (!revealed.ok) {
    world.breaks(`${revealed.token} cannot be opened: ${revealed.why}`);
    return;
  }
  for (const { token, value } of revealed.values) {
    const sent = secrets.get(token);
    const isSent = sent === undefined || sent === value || sent.toLowerCase() === value;
    const ofKey = keys.find(({ keyId }) => keyId === keyIdOf(token));
    const bytes = vault.read(token)?.type === "ip" ? canonicalIp(value) : Buffer.from(value);
    const isItsToken = ofKey === undefined || (bytes && maskOf(ofKey, "secret")(bytes)) === token;
    world.require(isSent && isItsToken, () => `${token} opens to another value`);
  }
}

/** When all has come to rest. */
export async function checkEnd(
  world: World,
  database: SimulatedDatabase,
  queues: readonly SimulatedQueue[],
  setup: Setup,
): Promise<void> {
  if (database.vault.isKept) await checkVault(world, database, setup);
  for (const { name, size } of queues) world.require(size === 0, () => `${size} messages stay in ${name}`);
  const open = createBodyOpener(setup.keys);
  for (const sent of world.sent.values()) {
    const { id, excused } = sent;
    const isDone = isSettled(database, sent, () => true);
    if (excused === undefined)
      world.require(isDone, () => `${id} is neither in the table nor in the quarantine`);
    const held = database.quarantine.get(sent.identity);
    if (held === undefined) continue;
    const opened = open({ ...held, body: held.rejection.sealed });
    world.require(
      opened.outcome === "opened" &&
        opened.text === sent.body &&
        opened.attributes["note"] === sent.attributes["note"],
      () => `the body of ${id} cannot be opened`,
    );
    if (held.isReplayed) {
      world.require(sent.whole !== "rejected", () => `${id} was replayed, which no mapping accepts`);
      for (const [index, { fate, key }] of sent.records.entries()) {
        const isDue =
          held.rejection.records?.includes(index) !== false &&
          fate !== "skipped" &&
          !database.skipped.has(rowKey(sent.identity, index));
        const isLoaded =
          database.rows.has(rowKey(sent.identity, index)) ||
          (key !== undefined &&
            database.rowsByKey.get(key)?.some(({ queue }) => queue === held.queue) === true);
        world.require(
          // A failover can lose what a replay has loaded, and keep the mark that the replay made afterwards.
          !isDue || isLoaded || database.lostCommits > 0,
          () => `record ${index} of ${id} was replayed and is not in the table`,
        );
      }
      continue;
    }
    for (const index of sent.records.keys()) {
      const isBoth =
        held.records?.includes(index) !== false && database.rows.has(rowKey(sent.identity, index));
      world.require(!isBoth, () => `record ${index} of ${id} is in the table and in the quarantine`);
    }
  }
}
