import { expect, it } from "vitest";
import { rotate, type RotationTables } from "../../src/recovery/rotate.ts";

const NEVER = new AbortController().signal;

/** Tables of so many row batches and earlier entries; every call is noted. */
function memoryTables(rowBatches: number, entries: number, perCall: number, calls: string[] = []) {
  const tokens = Array.from({ length: entries }, (_, index) => String(index).padStart(7, "0"));
  const tables: RotationTables = {
    rowBatches,
    others: new Array<string>(),
    changeRows: (batch) => {
      calls.push(`rows ${batch}`);
      return Promise.resolve(2);
    },
    copyEntries: (after) => {
      const next = tokens.filter((token) => token > after).slice(0, perCall);
      calls.push(`copy ${next.length}`);
      return Promise.resolve(next);
    },
    deleteEntries: (deleted) => {
      calls.push(`delete ${deleted.length} to ${deleted.at(-1) ?? ""}`);
      return Promise.resolve(deleted.length);
    },
    left: () => {
      calls.push("left");
      return Promise.resolve([]);
    },
  };
  return { tables, calls };
}

it("changes all rows, then copies the vault, then deletes what was copied, then counts what is left", async () => {
  const { tables, calls } = memoryTables(2, 5, 2);
  expect(await rotate(tables, NEVER)).toEqual({ rows: 4, vault: 5, left: [], keptFor: [] });
  expect(calls).toEqual([
    "rows 0",
    "rows 1",
    "copy 2",
    "copy 2",
    "copy 1",
    "copy 0",
    "delete 5 to 0000004",
    "left",
  ]);
});

it("deletes nothing where nothing was copied", async () => {
  const { tables, calls } = memoryTables(0, 0, 2);
  expect(await rotate(tables, NEVER)).toEqual({ rows: 0, vault: 0, left: [], keptFor: [] });
  expect(calls).toEqual(["copy 0", "left"]);
});

it("deletes nothing while other tables may need the entries, and says which", async () => {
  const { tables, calls } = memoryTables(1, 5, 2);
  const others = ["public.sessions"];
  expect(await rotate({ ...tables, others }, NEVER)).toEqual({
    rows: 2,
    vault: 0,
    left: [],
    keptFor: others,
  });
  expect(calls).toEqual(["rows 0", "copy 2", "copy 2", "copy 1", "copy 0", "left"]);
});

it("looks at all rows once for some 100,000 entries, not once a batch", async () => {
  const { tables, calls } = memoryTables(0, 250_000, 50_000);
  expect(await rotate(tables, NEVER)).toMatchObject({ vault: 250_000 });
  expect(calls.filter((call) => call.startsWith("delete"))).toEqual([
    "delete 100000 to 0099999",
    "delete 100000 to 0199999",
    "delete 50000 to 0249999",
  ]);
});

it.each([
  ["rows 1", ["rows 0", "rows 1"], { rows: 4, vault: 0 }],
  ["copy 2", ["rows 0", "rows 1", "rows 2", "copy 2"], { rows: 6, vault: 0 }],
])("stops after the batch under way, and counts no more: at %s", async (at, done, report) => {
  const stop = new AbortController();
  const calls: string[] = [];
  const { tables } = memoryTables(3, 5, 2, calls);
  const push = calls.push.bind(calls);
  calls.push = (...added) => {
    if (added.includes(at)) stop.abort("SIGINT");
    return push(...added);
  };
  expect(await rotate(tables, stop.signal)).toEqual({ ...report, left: undefined, keptFor: [] });
  expect([...calls]).toEqual(done);
});
