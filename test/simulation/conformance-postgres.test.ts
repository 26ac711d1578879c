// The simulated database against Postgres: the same random calls, by the product's own code, have the same results and leave the same content.
// The simulated quarantine has smaller pages, so that a replay reads several; a page here has all messages of a sequence.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Entry, RowEntry } from "../../src/drain/ports.ts";
import { FULL } from "../chaos/invariant.ts";
import { MODEL_SEED as SEED } from "../chaos/random.ts";
import { answerOf, BothDatabases, RUNS } from "./both-databases.ts";
import { DatabaseSequence } from "./database-sequence.ts";
import { DRAINING, rejectionOf, rowOf } from "./made-entries.ts";
import { Random } from "./random.ts";
import { RealDatabase } from "./real-database.ts";

const SEQUENCES = FULL ? 2000 : 20;

let real: RealDatabase;
let both: BothDatabases;

beforeAll(async () => {
  real = await RealDatabase.open(DRAINING, RUNS);
});

beforeEach(async () => {
  both = await BothDatabases.start(real, SEED);
});

afterAll(() => real.dispose());

function makeRow(name: string): RowEntry {
  return rowOf(both.make(name, ["row"]), 0);
}

function makeRejection(name: string): Entry {
  return rejectionOf(both.make(name, ["rejected"]), new Random(SEED));
}

describe("the simulated database", () => {
  it.each(Array.from({ length: 5 }, (_, part) => part))(
    `answers as Postgres does, and has the same rows in the end (CHAOS_SEED=${SEED}, part %i)`,
    async (part) => {
      for (let seed = SEED + part; seed < SEED + SEQUENCES; seed += 5)
        await new DatabaseSequence(await BothDatabases.start(real, seed), seed).play();
    },
    FULL ? 3_600_000 : undefined,
  );

  it("commits a statement without a client, also when no call comes after it", async () => {
    const [lost, other] = [makeRow("a"), makeRow("b")];
    await both.compareTogether(lost, both.loadByRelay([lost]), both.load(1, [other]), "loses its client");
    await both.compareContent();
    expect(both.model.rows.size).toBe(2);
  });

  it("keeps entries of a message that the quarantine has of another queue, without a sent time", async () => {
    const message = both.make("a", ["row", "rejected"], true);
    await both.compare(both.load(0, [rowOf(message, 0)]));
    await both.compare(both.load(2, [rejectionOf(message, new Random(SEED))]));
    await both.age(40);
    await both.compare(both.prune(0));
    await both.compareContent();
    expect(both.model.ledger.size).toBe(2);
  });
});

describe("Postgres differs from the simulated database:", () => {
  it("a statement that waits holds the keys that it has; the simulated one waits without any", async () => {
    const [held, one, two] = [makeRow("b"), makeRow("a"), makeRow("c")];
    // In the order of their ids, the second has the first one's key last, and the third one's first.
    const first = both.load(0, [held]);
    const others = [both.load(1, [one, held]), both.load(2, [one, two])];
    const counts = (loaded: number, duplicates: number): object => ({ loaded, duplicates, quarantined: 0 });
    expect(await both.realTogether(held, first, others)).toEqual([counts(1, 0), counts(1, 1), counts(1, 1)]);
    expect(await both.modelTogether(first, others)).toEqual([counts(1, 0), counts(0, 2), counts(2, 0)]);
  });

  it("a table that is missing also refuses statements without rows; the simulated one refuses rows", async () => {
    both.model.refuses = "table";
    const load = both.load(0, [makeRejection("a")]);
    await real.sql`alter table public.events rename to gone`;
    expect(await answerOf(load.real())).toEqual({ error: "RowRefused", of: "table", sqlState: "42P01" });
    await real.sql`alter table public.gone rename to events`;
    expect(await both.world.finish(load.model())).toEqual({ loaded: 0, quarantined: 1, duplicates: 0 });
  });

  it("the quarantine refuses a message that it had before the ledger was pruned; in the simulation, that breaks a promise", async () => {
    const load = both.load(0, [makeRejection("a")]);
    await both.compare(load);
    await real.sql`delete from fetch_etl.ledger`;
    both.model.ledger.clear();
    expect(await answerOf(load.real())).toEqual({ error: "RowRefused", of: "row", sqlState: "23505" });
    await both.world.finish(load.model());
    expect(both.world.broken?.message).toMatch(/^the quarantine has .* twice$/);
  });
});
