// Replays quarantined messages: decrypts the bodies, decodes them with the current contract, and loads those that are valid now.
import type { LoginRow } from "../login/row.ts";
import { createEntryMaker, utcDay, type EntrySettings } from "../drain/entry.ts";
import { Bisection } from "../drain/bisection.ts";
import type { SealedValues } from "../drain/ports.ts";
import type { BodyOpener, QuarantinedMessage } from "./message.ts";

/** A quarantined message that is valid now. */
export interface PassedMessage {
  readonly held: QuarantinedMessage;
  readonly row: LoginRow;
  /** What the vault stores. */
  readonly sealed: SealedValues | undefined;
}

/** The quarantine as a port. */
export interface ReplayStore {
  /** The next page of messages not replayed yet, from the start or after a message, in a stable order; empty at the end. */
  page(after: QuarantinedMessage | undefined): Promise<readonly QuarantinedMessage[]>;
  /**
   * Loads the messages and marks them as replayed, in one commit; skips those that another replay has loaded.
   *
   * @returns the number of loaded messages
   * @throws as `Loader.load` does
   */
  load(messages: readonly PassedMessage[]): Promise<number>;
}

export type ReplaySettings = Omit<EntrySettings, "queueId" | "today">;

export interface ReplayReport {
  loaded: number;
  /** Rejected by the decoder or by Postgres. */
  rejected: number;
  /** Number of messages whose masking key is not configured, by key id. */
  readonly missingKeys: Map<string, number>;
  /** Ids of messages whose body was changed after sealing. */
  readonly altered: string[];
}

/** Replays all quarantined messages. Reads each once; a message that a concurrent replay loads is counted there. */
export async function replay(
  store: ReplayStore,
  open: BodyOpener,
  settings: ReplaySettings,
): Promise<ReplayReport> {
  const report: ReplayReport = { loaded: 0, rejected: 0, missingKeys: new Map(), altered: [] };
  const passing = new Bisection<PassedMessage>(async (messages) => {
    const loaded = await store.load(messages);
    report.loaded += loaded;
    return loaded;
  });
  let page = await store.page(undefined);
  while (page.length > 0) {
    const passed = page.flatMap((held) => decode(held, open, settings, report));
    report.rejected += (await passing.write(passed)).length;
    page = await store.page(page.at(-1));
  }
  return report;
}

function decode(
  held: QuarantinedMessage,
  open: BodyOpener,
  settings: ReplaySettings,
  report: ReplayReport,
): PassedMessage[] {
  const opened = open(held);
  if (opened.outcome === "no key") {
    report.missingKeys.set(held.body.keyId, (report.missingKeys.get(held.body.keyId) ?? 0) + 1);
    return [];
  }
  if (opened.outcome === "altered") {
    report.altered.push(held.messageId);
    return [];
  }
  // Without a sent time, the day on which the message was quarantined is the closest.
  const today = utcDay(held.quarantinedAt);
  const { messageId, sentAt, queue: queueId } = held;
  const entries = createEntryMaker({ ...settings, queueId, today });
  const entry = entries.fromMessage({ messageId, sentAt, body: opened.text });
  if (entry.kind === "row") return [{ held, row: entry.row, sealed: entry.sealed }];
  report.rejected += 1;
  return [];
}
