// Replays quarantined messages: decrypts the bodies, reads them with the current mapping, and loads the records that are valid now.
import { BATCH_BYTES } from "../drain/batches.ts";
import { Bisection } from "../drain/bisection.ts";
import { bytesOf } from "../drain/buffer.ts";
import { createEntryMaker, type EntrySettings, type Item } from "../drain/entry.ts";
import type { RowEntry } from "../drain/ports.ts";
import { RejectedRecords } from "../drain/rejected-records.ts";
import { DRAIN_DEFAULTS } from "../drain/settings.ts";
import { refusedReason } from "../drain/writer.ts";
import type { ReasonGroup } from "../mapping/reason-group.ts";
import { ReasonCounts } from "./reasons.ts";
import { queueNameOf, type BodyOpener, type OpenedBody, type QuarantinedMessage } from "./message.ts";

/** A record of a quarantined message that is valid now. */
export interface PassedRecord {
  readonly held: QuarantinedMessage;
  readonly entry: RowEntry;
}

/** A quarantined message of which records were loaded, or that has none to load. */
export interface ReplayedMessage {
  readonly held: QuarantinedMessage;
  /** The records that stay in the quarantine; undefined where all are loaded. */
  readonly rejected: { readonly records: readonly number[]; readonly reasons: readonly string[] } | undefined;
}

/** The quarantine as a port. */
export interface ReplayStore {
  /** The next page of messages not replayed yet, from the start or after a message, in a stable order; empty at the end. */
  page(after: QuarantinedMessage | undefined): Promise<readonly QuarantinedMessage[]>;
  /**
   * Loads the records that were never loaded, in one commit; skips messages that are no longer quarantined.
   *
   * @returns the number of loaded records
   * @throws as `Loader.load` does
   */
  load(records: readonly PassedRecord[]): Promise<number>;
  /** Marks the messages, whose records are loaded, or keeps what is left of them. */
  mark(messages: readonly ReplayedMessage[]): Promise<void>;
}

export type ReplaySettings = Omit<EntrySettings, "queueId" | "queueName" | "now">;

export interface ReplayReport {
  /** Records. */
  loaded: number;
  /** Records that the mapping skips, of messages that leave the quarantine or stay with fewer records. */
  skipped: number;
  /** Messages with records that the mapping or Postgres rejects. */
  rejected: number;
  /** Number of messages whose masking key is not configured, by key id. */
  readonly missingKeys: Map<string, number>;
  /** Ids of messages whose body was changed after sealing. */
  readonly altered: string[];
  /** Why messages stay in the quarantine. */
  readonly remaining: ReasonCounts;
}

/**
 * Replays all quarantined messages. Reads each once; a message that a concurrent replay loads is counted there. Holds the records of one
 * batch, and no more.
 *
 * @param group names the messages that have all of its reasons
 */
export async function replay(
  store: ReplayStore,
  open: BodyOpener,
  settings: ReplaySettings,
  group?: ReasonGroup,
): Promise<ReplayReport> {
  const report: ReplayReport = {
    ...{ loaded: 0, skipped: 0, rejected: 0 },
    ...{ missingKeys: new Map(), altered: [], remaining: new ReasonCounts(group) },
  };
  const passing = new Bisection<ReadRecord>(async (records) => {
    const loaded = await store.load(records.map(({ message: { held }, entry }) => ({ held, entry })));
    report.loaded += loaded;
    return loaded;
  });
  const write = async (records: readonly ReadRecord[]): Promise<void> => {
    for (const { item, error } of await passing.write(records)) {
      item.message.passed -= 1;
      item.message.rejected.add(item.entry.record, [refusedReason(error)]);
    }
  };
  let page = await store.page(undefined);
  while (page.length > 0) {
    const messages: ReadMessage[] = [];
    let batch: ReadRecord[] = [];
    let bytes = 0;
    for (const held of page) {
      const opened = openHeld(held, open, report);
      if (opened === undefined) continue;
      const message: ReadMessage = {
        ...{ held, passed: 0, skipped: 0 },
        ...{ rejected: new RejectedRecords(), reasons: [] },
      };
      messages.push(message);
      for (const item of readAgain(message, opened, settings)) {
        message.passed += 1;
        batch.push({ message, entry: item.entry });
        bytes += bytesOf(item);
        if (batch.length < DRAIN_DEFAULTS.batchSize && bytes < BATCH_BYTES) continue;
        await write(batch);
        [batch, bytes] = [[], 0];
      }
    }
    await write(batch);
    const rejected = messages.filter(staysRejected);
    report.rejected += rejected.length;
    for (const { held, reasons, rejected: records } of rejected)
      report.remaining.add(held.messageId, [...reasons, ...records.reasons]);
    const changed = messages.filter((message) => message.passed > 0 || !staysRejected(message));
    report.skipped += changed.reduce((sum, { skipped }) => sum + skipped, 0);
    if (changed.length > 0) await store.mark(changed.map(toReplayed));
    page = await store.page(page.at(-1));
  }
  return report;
}

/** A message as the current mapping reads it. */
interface ReadMessage {
  readonly held: QuarantinedMessage;
  /** The number of its records that were loaded, now or before. */
  passed: number;
  /** The number of its records that the mapping skips. */
  skipped: number;
  /** By the mapping or by Postgres. */
  rejected: RejectedRecords;
  /** Why the mapping rejects it as a whole. */
  reasons: readonly string[];
}

/** A record of it that the mapping lets through. */
interface ReadRecord {
  readonly message: ReadMessage;
  readonly entry: RowEntry;
}

/** A message whose records are all skipped now does not. */
function staysRejected({ reasons, rejected }: ReadMessage): boolean {
  return reasons.length > 0 || rejected.size > 0;
}

function toReplayed({ held, rejected: { size, records, reasons } }: ReadMessage): ReplayedMessage {
  return { held, rejected: size === 0 ? undefined : { records, reasons } };
}

/** @returns undefined for a message that cannot be opened, which is reported */
function openHeld(
  held: QuarantinedMessage,
  open: BodyOpener,
  report: ReplayReport,
): Extract<OpenedBody, { outcome: "opened" }> | undefined {
  const opened = open(held);
  if (opened.outcome === "opened") return opened;
  if (opened.outcome === "altered") {
    report.altered.push(held.messageId);
    report.remaining.add(held.messageId, ["body: altered after encryption"]);
  } else {
    const { keyId } = held.body;
    report.missingKeys.set(keyId, (report.missingKeys.get(keyId) ?? 0) + 1);
    report.remaining.add(held.messageId, [`body: masking key ${keyId} is not configured`]);
  }
  return undefined;
}

/** The items of a message's rejected records that are rows now. Notes in `message` what is still rejected. */
function* readAgain(
  message: ReadMessage,
  { text: body, attributes }: Extract<OpenedBody, { outcome: "opened" }>,
  settings: ReplaySettings,
): Generator<Item & { readonly entry: RowEntry }> {
  const { held } = message;
  const { messageId, sentAt, queue: queueId } = held;
  // Without a sent time, the day on which the message was quarantined is the closest.
  const of = { queueId, queueName: queueNameOf(queueId), now: held.quarantinedAt };
  const entries = createEntryMaker({ ...settings, ...of });
  const only = held.records === undefined ? undefined : new Set(held.records);
  for (const item of entries.items({ messageId, sentAt, body, attributes }, only)) {
    const { entry } = item;
    message.skipped += item.skipped;
    message.rejected = item.rejected ?? message.rejected;
    if (entry?.kind === "row") yield { ...item, entry };
    else if (entry?.kind === "rejection") message.reasons = entry.rejection.reasons;
  }
}
