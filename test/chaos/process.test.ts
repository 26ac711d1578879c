// The process itself on its worst days: killed, stopped, unheard, and many at once. Moments are random; the seed is printed,
// and CHAOS_SEED repeats them.
import { setTimeout } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { mulberry32 } from "../../sandbox/messages.ts";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { json, makeTables, withBench, type Bench } from "../support/bench.ts";
import { withSqsOverTls, type TlsEnvironment } from "../support/tls.ts";
import { ended, expectEachOnce, FULL, makeMessages, times } from "./invariant.ts";
import { SEED } from "./random.ts";

const it = test.concurrent;
const VISIBILITY_TIMEOUT = 2;
const ATTRIBUTES = { VisibilityTimeout: String(VISIBILITY_TIMEOUT) };
const MESSAGES = times(5_000, 600);
/** About as long as a drain of so many takes: a random moment in it may be any, start and end included. */
const LONGEST_MS = times(3_000, 1_500);

beforeAll(() => {
  console.log(`chaos: CHAOS_SEED=${SEED}${FULL ? " CHAOS=full" : ""}`);
});

/** Drains over and over, each run hit by a signal at a random moment, until that has been so many times. */
async function hit(
  bench: Bench,
  signals: readonly NodeJS.Signals[],
  hits: number,
  seed: number,
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const random = mulberry32(seed);
  const sent = makeMessages(MESSAGES);
  await bench.send(sent.bodies);
  let landed = 0;
  for (let round = 0; round < hits; round += 1) {
    const { messages } = await bench.sqs.inspect(bench.queue);
    // An empty queue is filled again with other messages of the same logins: those would double, so that the rows go too.
    if (messages.length === 0) {
      await expectEachOnce(bench, sent, VISIBILITY_TIMEOUT);
      await bench.sql`truncate public.user_logins, fetch_etl.quarantine`;
      await bench.send(sent.bodies);
    }
    const signal = signals[Math.floor(random() * signals.length)] ?? "SIGKILL";
    const running = bench.start(["drain", "--json"], env);
    await Promise.race([setTimeout(random() * LONGEST_MS), running.outcome]);
    if (running.child.kill(signal)) landed += 1;
    const outcome = await ended(bench, sent, running.outcome);
    expect([null, EXIT.done, EXIT.sigint, EXIT.sigterm]).toContain(outcome.code);
    // A signal may come before the drain has opened the queue and the database: then there is no run to report. A kill may come when the
    // run has ended and reported that.
    if (outcome.stdout !== "" && outcome.code !== EXIT.done) {
      expect(json(outcome)).toMatchObject({ stoppedBy: outcome.code === null ? "empty" : "signal" });
    }
  }
  await expectEachOnce(bench, sent, VISIBILITY_TIMEOUT);
  return landed;
}

it(`kill -9 at ${times(100, 3)} random moments of drains of ${MESSAGES} messages over TLS: nothing lost, nothing doubled`, () =>
  withBench(async (bench) => {
    const kill = (tls: TlsEnvironment): Promise<number> =>
      hit(bench, ["SIGKILL"], times(100, 3), SEED, { ...tls });
    expect(await withSqsOverTls(bench.sqs.endpoint, kill)).toBeGreaterThan(0);
  }, ATTRIBUTES));

it(`SIGTERM and SIGINT at ${times(20, 3)} random moments: a clean stop each time`, () =>
  withBench(async (bench) => {
    expect(await hit(bench, ["SIGTERM", "SIGINT"], times(20, 3), SEED + 1)).toBeGreaterThan(0);
  }, ATTRIBUTES));

it.for(times([2, 3, 4], [3]))(
  "%i drains at once on one queue, one of them killed: each message is loaded once",
  (drains) =>
    withBench(async (bench) => {
      const sent = makeMessages(MESSAGES);
      await bench.send(sent.bodies);
      const running = Array.from({ length: drains }, () => bench.start(["drain", "--json"]));
      await Promise.race([setTimeout(mulberry32(SEED + drains)() * LONGEST_MS), running[0]?.outcome]);
      running[0]?.child.kill("SIGKILL");
      for (const each of running.slice(1))
        expect((await ended(bench, sent, each.outcome)).code).toBe(EXIT.done);
      await expectEachOnce(bench, sent, VISIBILITY_TIMEOUT);
    }, ATTRIBUTES),
);

it("a second signal ends the process at once, although the database does not answer", () =>
  withBench(async (bench) => {
    const sent = makeMessages(100);
    await makeTables(bench);
    await bench.send(sent.bodies);
    await bench.sql.begin(async (tx) => {
      await tx`lock table public.user_logins in access exclusive mode`;
      const running = bench.start(["drain", "--json"]);
      while ((await bench.contents()).ready > 0) await setTimeout(20);
      running.child.kill("SIGTERM");
      // Signals as close as one press of Ctrl-C count as one: so it may take more than one on a slow machine.
      while (running.child.exitCode === null) {
        await Promise.race([setTimeout(500), running.outcome]);
        running.child.kill("SIGTERM");
      }
      const outcome = await ended(bench, sent, running.outcome);
      expect(outcome).toMatchObject({ code: EXIT.sigterm, stdout: "" });
    });
    await expectEachOnce(bench, sent, VISIBILITY_TIMEOUT);
  }, ATTRIBUTES));

it.for(["stdout", "stderr", "both"] as const)(
  "%s closed by its reader: the drain goes on to its end",
  (which) =>
    withBench(async (bench) => {
      const sent = makeMessages(200);
      await bench.send(sent.bodies);
      const { child, outcome } = bench.start(["drain"]);
      if (which !== "stderr") child.stdout?.destroy();
      if (which !== "stdout") child.stderr?.destroy();
      expect((await outcome).code).toBe(EXIT.done);
      expect((await bench.sqs.inspect(bench.queue)).messages).toEqual([]);
      await expectEachOnce(bench, sent, VISIBILITY_TIMEOUT);
    }),
);
