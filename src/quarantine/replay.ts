// The replay: opens the bodies that the quarantine holds, decodes them by today's contract, and has loaded what passes now.
import type { LoginRow } from "../login/row.ts";
import { createEntryMaker, utcDay, type EntrySettings } from "../drain/entry.ts";
import { Bisection } from "../drain/bisection.ts";
import type { SealedValues } from "../drain/ports.ts";
import type { BodyOpener, QuarantinedMessage } from "./message.ts";

/** A held message that passes now. */
export interface PassedMessage {
  readonly held: QuarantinedMessage;
  readonly row: LoginRow;
  /** What the vault is to keep. */
  readonly sealed: SealedValues | undefined;
}

/** What a replay asks of the quarantine. */
export interface ReplayStore {
  /** The next messages that are held and not replayed, from the start or after one of them, in a lasting order; none at the end. */
  page(after: QuarantinedMessage | undefined): Promise<readonly QuarantinedMessage[]>;
  /**
   * Loads and marks, in one commit, those that are still not replayed.
   *
   * @returns how many those were
   * @throws as `Loader.load` does
   */
  load(messages: readonly PassedMessage[]): Promise<number>;
}

export type ReplaySettings = Omit<EntrySettings, "queueId" | "today">;

export interface ReplayReport {
  loaded: number;
  /** By the decoder or by the database. */
  rejected: number;
  /** Messages whose masking key is not configured, by its id. */
  readonly missingKeys: Map<string, number>;
  /** Messages whose body was changed after it was sealed, by id. */
  readonly altered: string[];
}

/** Replays everything that is held. Each message is read once; one that another replay loads meanwhile is counted by that one. */
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
  // Where the server did not say when it took the message, the day of the run that quarantined it is the nearest.
  const today = utcDay(held.quarantinedAt);
  const { messageId, sentAt, queue: queueId } = held;
  const entries = createEntryMaker({ ...settings, queueId, today });
  const entry = entries.fromMessage({ messageId, sentAt, body: opened.text });
  if (entry.kind === "row") return [{ held, row: entry.row, sealed: entry.sealed }];
  report.rejected += 1;
  return [];
}
