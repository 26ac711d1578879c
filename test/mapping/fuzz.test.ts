// Random mappings and messages: `src/mapping` and the reference reader read each pair alike. `FUZZ=full` is for the long run.
import fc from "fast-check";
import { expect, it } from "vitest";
import { Choices } from "./fuzz/choices.ts";
import { outcomeOf, referenceOutcomeOf } from "./fuzz/outcome.ts";
import { makePair } from "./fuzz/pair.ts";

const RUNS = process.env["FUZZ"] === "full" ? 100_000 : 2_000;
/** Of 32 bits: more than the choices of most pairs need. */
const WORDS = 300;

it("any mapping reads any message as the reference reader does", { timeout: 3_600_000 }, () => {
  const words = fc.noBias(fc.uint32Array({ minLength: WORDS, maxLength: WORDS, size: "max" }));
  const kinds = new Set<string>();
  fc.assert(
    fc.property(words, ({ buffer }) => {
      const { mapping, message } = makePair(new Choices(new Uint8Array(buffer)));
      const outcome = outcomeOf(mapping, message);
      expect(outcome).toEqual(referenceOutcomeOf(mapping, message));
      for (const each of [outcome[0]].flat()) kinds.add(typeof each === "string" ? each : "row");
    }),
    { numRuns: RUNS },
  );
  expect(kinds).toEqual(new Set(["row", "rejected", "skipped"]));
});
