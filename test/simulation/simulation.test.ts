import { describe, expect, it } from "vitest";
import { mutate, MUTANTS } from "./find-mutants.ts";
import { simulate } from "./run.ts";

describe("a simulated world", () => {
  it.each(Array.from({ length: 8 }, (_, part) => 1 + 25 * part))(
    "keeps every promise, with the 25 seeds from %i",
    async (first) => {
      for (let seed = first; seed < first + 25; seed += 1) {
        const { broken } = await simulate(seed);
        expect(broken, `run: npm run simulate -- --seed ${seed} --seeds 1`).toBeUndefined();
      }
    },
  );

  it("has the same history each time that a seed is run", async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const [one, other] = [
        await simulate(seed, { withHistory: true }),
        await simulate(seed, { withHistory: true }),
      ];
      expect(one.history.length).toBeGreaterThan(0);
      expect(one.history.join("\n")).toBe(other.history.join("\n"));
    }
  });

  it("lists mutants that fit the code", async () => {
    for (const mutant of MUTANTS) expect(await mutate(mutant)).toContain(mutant.to);
  });
});
