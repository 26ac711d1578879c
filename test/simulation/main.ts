// `npm run simulate`: searches seeds for one that breaks a promise, and shows it with the fewest faults.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { findMutants } from "./find-mutants.ts";
import { simulate } from "./run.ts";
import { search, type Found } from "./search.ts";
import { shrink } from "./shrink.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    seed: { type: "string" },
    minutes: { type: "string" },
    mutants: { type: "boolean", default: false },
    only: { type: "string" },
  },
});

const first = Number(values.seed ?? 1);
const count = Number(values.seeds ?? (values.minutes === undefined ? 2_000 : Infinity));
const until = Date.now() + Number(values.minutes ?? Infinity) * 60_000;
const threads = availableParallelism();

if (values.mutants)
  process.exitCode = (await findMutants({ first, count, threads, only: values.only })) ? 0 : 1;
else process.exitCode = await searchSeeds();

async function searchSeeds(): Promise<number> {
  const started = performance.now();
  const worker = new URL("worker.js", import.meta.url);
  let shownAt = 0;
  const found = await search({ first, count, until, threads, worker }, (soFar) => {
    if (!process.stderr.isTTY || performance.now() - shownAt < 1000) return;
    shownAt = performance.now();
    process.stderr.write(`\r${summary(soFar, started)}`);
  });
  if (process.stderr.isTTY) process.stderr.write("\n");
  const faults = [...found.faults].sort(([, one], [, other]) => other - one);
  for (const [kind, times] of faults) console.log(`${times.toLocaleString("en-US").padStart(12)}  ${kind}`);
  console.log(summary(found, started));
  if (found.failed === undefined) return 0;
  const { seed, broken } = found.failed;
  console.log(`Seed ${seed} breaks a promise: ${broken}`);
  const outcome = await simulate(seed);
  if (outcome.broken === undefined) return 1;
  const { played, history } = await shrink(outcome);
  for (const line of history) console.log(line);
  console.log(`Seed ${seed} needs ${played.length} of ${outcome.played.length} faults: ${played.join(", ")}`);
  return 1;
}

function summary({ seeds, messages, steps, faults, lostInFailover }: Found, started: number): string {
  const seconds = (performance.now() - started) / 1000;
  const played = [...faults.values()].reduce((sum, times) => sum + times, 0);
  const shown = (value: number): string => Math.round(value).toLocaleString("en-US");
  return (
    `${shown(seeds)} seeds from ${first}, ${shown(messages)} messages, ${shown(steps)} steps, ${shown(played)} faults, ` +
    `${shown(seeds / seconds)} seeds/s; an asynchronous standby lost ${shown(lostInFailover)} messages`
  );
}
