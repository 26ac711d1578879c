import { describe, expect, it } from "vitest";
import {
  countRecords,
  DatabaseLost,
  keyOf,
  RowRefused,
  StatementCancelled,
  type Entry,
  type LoadResult,
} from "../../src/drain/ports.ts";
import { SettlingLoader, type Unsettled } from "../../src/drain/settling-loader.ts";
import { Failure } from "../../src/failure.ts";
import { rejection, row } from "../postgres/entries.ts";

const AWAY = new Failure("unavailable", "away");
const LOST = new DatabaseLost(AWAY);
const CANCELLED = new StatementCancelled(AWAY);
const REFUSED = new RowRefused({ sqlState: "22003", of: "row" }, AWAY);

/** What happens to a statement; `late` loses its connection, and commits when the next one has begun. */
type Fate = "answered" | "lost before" | "lost after" | "late" | Error;

class Database {
  /** What the next writes meet, one after the other; then `answered`. */
  readonly fates: Fate[] = [];
  readonly searches: (readonly Unsettled[])[] = [];
  /** Called before a search. */
  onSearch: () => void = () => undefined;
  /** When each entry was committed, by its key; -1 if another run did. */
  readonly ledger = new Map<string, number>();
  #late: readonly Entry[] = [];
  #time = 10;

  readonly loader = new SettlingLoader({
    write: (entries) => {
      const fate = this.fates.shift() ?? "answered";
      this.#commit(this.#late);
      this.#late = fate === "late" ? entries : [];
      if (fate instanceof Error) return Promise.reject(fate);
      const fresh = fate === "lost before" || fate === "late" ? [] : this.#commit(entries);
      if (fate !== "answered") return Promise.reject(LOST);
      const loaded = fresh.filter(({ kind }) => kind === "row").length;
      const quarantined = countRecords(fresh) - loaded;
      const duplicates = countRecords(entries) - loaded - quarantined;
      return Promise.resolve({ loaded, quarantined, duplicates, answeredAt: this.#now() });
    },
    findCommitted: async (entries) => {
      this.searches.push(entries);
      this.onSearch();
      const found = entries.filter(({ entry, since = "0" }) => {
        const at = this.ledger.get(keyOf(entry));
        return at !== undefined && at > Number(since);
      });
      const keys = new Set(found.map(({ entry }) => keyOf(entry)));
      return Promise.resolve({ keys, answeredAt: keys.size === 0 ? undefined : this.#now() });
    },
  });

  /** Loads, and returns what was thrown. */
  async fail(...entries: Entry[]): Promise<unknown> {
    return this.loader.load(entries).then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  /** One time for all, as `now()` is. */
  #commit(entries: readonly Entry[]): Entry[] {
    const fresh = entries.filter((entry) => !this.ledger.has(keyOf(entry)));
    const at = (this.#time += 1);
    for (const entry of fresh) this.ledger.set(keyOf(entry), at);
    return fresh;
  }

  #now(): string {
    return String((this.#time += 1));
  }
}

const [a, b, other] = [row("a"), row("b"), rejection("c")];
/** It stands for two records. */
const c = { ...other, rejection: { ...other.rejection, records: [0, 2] } };
const result = (loaded: number, quarantined: number, duplicates: number): LoadResult => ({
  ...{ loaded, quarantined, duplicates },
});

describe("a loader whose connection is lost", () => {
  it.each<[string, readonly Fate[]]>([
    ["before the commit", ["lost before"]],
    ["after the commit", ["lost after"]],
    ["before the commit, then after it", ["lost before", "lost after"]],
    ["while the statement goes on, and commits during the next", ["late"]],
    ["while two statements go on, of which one commits", ["late", "late"]],
  ])("counts each record once if that was %s", async (_when, fates) => {
    const database = new Database();
    database.fates.push(...fates);
    let counted: LoadResult | undefined;
    while (counted === undefined) counted = await database.loader.load([a, b, c]).catch(() => undefined);
    expect(counted).toEqual(result(2, 2, 0));
    expect(database.ledger.size).toBe(3);
    await database.loader.load([row("d")]);
    expect(database.searches.length).toBeLessThanOrEqual(2);
  });

  it.each([
    ["is cancelled", CANCELLED],
    ["is refused", REFUSED],
  ])("counts in halves what the lost statement commits while the next one %s", async (_what, error) => {
    const database = new Database();
    database.fates.push("late", error);
    expect(await database.fail(a, b, c)).toBe(LOST);
    expect(await database.fail(a, b, c)).toBe(error);
    expect(await database.loader.load([a])).toEqual(result(1, 0, 0));
    expect(database.searches.at(-1)?.map(({ entry }) => entry)).toEqual([a]);
    expect(await database.loader.load([b, c])).toEqual(result(1, 2, 0));
  });

  it("counts in halves what a lost statement had committed before the next one was cancelled", async () => {
    const database = new Database();
    database.ledger.set(keyOf(a), -1);
    database.fates.push("lost after", CANCELLED);
    expect(await database.fail(a, b, c)).toBe(LOST);
    expect(await database.fail(a, b, c)).toBe(CANCELLED);
    expect(await database.loader.load([a])).toEqual(result(0, 0, 1));
    expect(await database.loader.load([b, c])).toEqual(result(1, 2, 0));
  });

  it("does not search for a row again that was refused alone, nor for others because of it", async () => {
    const database = new Database();
    database.fates.push("lost before", REFUSED, REFUSED);
    expect(await database.fail(a, b)).toBe(LOST);
    expect(await database.fail(a, b)).toBe(REFUSED);
    expect(await database.fail(a)).toBe(REFUSED);
    expect(await database.loader.load([b])).toEqual(result(1, 0, 0));
    const before = database.searches.length;
    expect(await database.loader.load([a, row("d")])).toEqual(result(2, 0, 0));
    expect(database.searches.length).toBe(before);
  });

  it("searches no ledger if no connection was lost", async () => {
    const database = new Database();
    database.fates.push(CANCELLED, REFUSED);
    expect(await database.fail(a, b)).toBe(CANCELLED);
    expect(await database.fail(a)).toBe(REFUSED);
    expect(await database.loader.load([a, b])).toEqual(result(2, 0, 0));
    expect(await database.loader.load([a, b])).toEqual(result(0, 0, 2));
    expect(database.searches).toEqual([]);
  });

  it("counts once what is found only by a later search, because the first lost its connection too", async () => {
    const database = new Database();
    database.fates.push("late");
    let isAway = false;
    database.onSearch = () => {
      if (isAway) throw LOST;
      isAway = true;
    };
    expect(await database.fail(a, b)).toBe(LOST);
    // The search after the statement fails.
    expect(await database.fail(a, b)).toBe(LOST);
    isAway = false;
    expect(await database.loader.load([a, b])).toEqual(result(2, 0, 0));
  });
});

describe("a record that the run loaded, and that is delivered again", () => {
  it.each<[string, Fate]>([
    ["after the commit", "lost after"],
    ["before the commit", "lost before"],
    ["while the statement goes on", "late"],
  ])("is a duplicate also if the connection is lost %s", async (_when, fate) => {
    const database = new Database();
    expect(await database.loader.load([a, c])).toEqual(result(1, 2, 0));
    database.fates.push(fate);
    expect(await database.fail(a, b, c)).toBe(LOST);
    expect(await database.loader.load([a, b, c])).toEqual(result(1, 0, 3));
  });

  it("is a duplicate also if it was counted by a search, and the connection is lost twice", async () => {
    const database = new Database();
    database.fates.push("lost after", "lost before", "lost before");
    expect(await database.fail(a)).toBe(LOST);
    expect(await database.loader.load([a])).toEqual(result(1, 0, 0));
    expect(await database.fail(a, b)).toBe(LOST);
    expect(await database.fail(a, b)).toBe(LOST);
    expect(await database.loader.load([a, b])).toEqual(result(1, 0, 1));
  });

  it("is not taken for one that a statement commits which began before the last answer", async () => {
    const database = new Database();
    database.ledger.set(keyOf(a), -1);
    database.fates.push("lost before", CANCELLED, "answered", "lost before");
    expect(await database.fail(a, b)).toBe(LOST);
    const began = 10.5;
    expect(await database.fail(a, b)).toBe(CANCELLED);
    expect(await database.loader.load([a])).toEqual(result(0, 0, 1));
    expect(await database.fail(b)).toBe(LOST);
    // The first statement was slow.
    database.ledger.set(keyOf(b), began);
    expect(await database.loader.load([b])).toEqual(result(1, 0, 0));
  });
});
