// A database in memory: rows, quarantine and ledger, with faults that are hard to play with a real one.
import {
  DatabaseLost,
  RowRefused,
  type RefusalOf,
  type Entry,
  type Loader,
  type LoadResult,
  type Rejection,
} from "../../src/drain/ports.ts";
import { Failure } from "../../src/failure.ts";
import type { LoginRow } from "../../src/login/row.ts";

/** `lost before` loses the connection before the commit, `lost after` after it. */
export type LoadFault = "lost before" | "lost after" | Error;

export const REFUSED = new Failure("configuration", "The database refuses.");
/** What the database says of a batch that it refuses. */
export function refused(
  sqlState: string,
  { column, of = "row" }: { column?: string; of?: RefusalOf } = {},
): RowRefused {
  return new RowRefused({ sqlState, column, of }, REFUSED);
}

export const LOST = new Failure("unavailable", "The database is away.");

export class MemoryLoader implements Loader {
  readonly rows: LoginRow[] = [];
  /** By message id. */
  readonly quarantine = new Map<string, Rejection>();
  /** How many entries each call brought. */
  readonly calls: number[] = [];
  /** What the next calls meet, one after the other. */
  readonly faults: LoadFault[] = [];
  /** Message ids of the rows that the database refuses. */
  readonly refused = new Set<string>();
  /** Awaited before a call is carried out. */
  before: (entries: readonly Entry[]) => Promise<void> | void = () => undefined;
  readonly #ledger = new Set<string>();

  async load(entries: readonly Entry[]): Promise<LoadResult> {
    this.calls.push(entries.length);
    if (new Set(entries.map(({ messageId }) => messageId)).size < entries.length) {
      throw new Error("message ids must be distinct within one call");
    }
    await this.before(entries);
    const fault = this.faults.shift();
    if (fault instanceof Error) throw fault;
    if (fault === "lost before") throw new DatabaseLost(LOST);
    if (entries.some((entry) => entry.kind === "row" && this.refused.has(entry.messageId))) {
      throw refused("22021", { column: "locale" });
    }
    const fresh = entries.filter(({ messageId }) => !this.#ledger.has(messageId));
    for (const entry of fresh) {
      this.#ledger.add(entry.messageId);
      if (entry.kind === "row") this.rows.push(entry.row);
      else this.quarantine.set(entry.messageId, entry.rejection);
    }
    if (fault === "lost after") throw new DatabaseLost(LOST);
    const loaded = fresh.filter((entry) => entry.kind === "row").length;
    return { loaded, quarantined: fresh.length - loaded, duplicates: entries.length - fresh.length };
  }
}
