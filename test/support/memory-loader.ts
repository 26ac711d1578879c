// A database in memory: rows, quarantine and ledger, with faults that are hard to play with a real one.
import {
  DatabaseLost,
  keyOf,
  recordsOf,
  RowRefused,
  type Cell,
  type RefusalOf,
  type Entry,
  type Loader,
  type LoadResult,
  type Rejection,
  type RowEntry,
} from "../../src/drain/ports.ts";
import { Failure } from "../../src/failure.ts";
import { loginRow } from "./login-entries.ts";

/** `lost before` loses the connection before the commit, `lost after` after it. */
export type LoadFault = "lost before" | "lost after" | Error;

export const REFUSED = new Failure("configuration", "The database refuses.");
/** What the database says of a batch that it refuses. */
export function refused(
  sqlState: string,
  { column, constraint, of = "row" }: { column?: string; constraint?: string; of?: RefusalOf } = {},
): RowRefused {
  return new RowRefused({ sqlState, column, constraint, of }, REFUSED);
}

export const LOST = new Failure("unavailable", "The database is away.");

export class MemoryLoader implements Loader {
  /** As rows of logins. */
  readonly rows: Record<string, Cell>[] = [];
  /** The entries of the rows. */
  readonly loaded: RowEntry[] = [];
  /** By message id. */
  readonly quarantine = new Map<string, Rejection>();
  /** How many entries each call brought. */
  readonly calls: number[] = [];
  /** What the next calls meet, one after the other. */
  readonly faults: LoadFault[] = [];
  /** Message ids, or keys of entries (`keyOf`), of the rows that the database refuses. */
  readonly refused = new Set<string>();
  /** Awaited before a call is carried out. */
  before: (entries: readonly Entry[]) => Promise<void> | void = () => undefined;
  readonly #ledger = new Set<string>();

  async load(entries: readonly Entry[]): Promise<LoadResult> {
    this.calls.push(entries.length);
    if (new Set(entries.map(keyOf)).size < entries.length) {
      throw new Error("entries must be distinct within one call");
    }
    await this.before(entries);
    const fault = this.faults.shift();
    if (fault instanceof Error) throw fault;
    if (fault === "lost before") throw new DatabaseLost(LOST);
    const isRefused = (entry: Entry): boolean =>
      entry.kind === "row" && (this.refused.has(entry.messageId) || this.refused.has(keyOf(entry)));
    if (entries.some(isRefused)) throw refused("22021", { column: "locale" });
    const fresh = entries.filter((entry) => {
      const keys = keysOf(entry);
      if (keys.some((key) => this.#ledger.has(key))) return false;
      for (const key of keys) this.#ledger.add(key);
      return true;
    });
    for (const entry of fresh) {
      if (entry.kind === "row") {
        this.rows.push(loginRow(entry.cells));
        this.loaded.push(entry);
      } else this.quarantine.set(entry.messageId, entry.rejection);
    }
    if (fault === "lost after") throw new DatabaseLost(LOST);
    const count = (some: readonly Entry[]): number => some.reduce((sum, each) => sum + recordsOf(each), 0);
    const loaded = fresh.filter((entry) => entry.kind === "row").length;
    return { loaded, quarantined: count(fresh) - loaded, duplicates: count(entries) - count(fresh) };
  }
}

/** An entry's keys in the ledger. */
function keysOf(entry: Entry): string[] {
  const mac = entry.kind === "row" ? entry.idempotency : undefined;
  return [keyOf(entry), ...(mac === undefined ? [] : [`idempotency ${mac}`])];
}
