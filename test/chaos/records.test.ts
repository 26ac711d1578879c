// Drains of messages with records and idempotency keys, killed at random moments: each record once. CHAOS_SEED repeats the moments.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, it } from "vitest";
import { mulberry32 } from "../../sandbox/messages.ts";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { json, withBench, type Bench } from "../support/bench.ts";
import { withFolder } from "../support/folder.ts";
import { FULL, times } from "./invariant.ts";
import { SEED } from "./random.ts";

const VISIBILITY_TIMEOUT = 2;
const ORDERS = times(150, 100);
const LINES = 30;
const KILLS = times(100, 3);
const LONGEST_MS = times(4_000, 3_000);

const MAPPING = `
version: 1
table: public.order_lines
records: lines
dedupe: [$message.order, id]
columns:
  order_id: { from: $message.order, type: integer }
  line_id: { from: id, type: integer }
  email: { mask: token, field: email }
`;

/** One line of each order cannot be read, and each order is sent twice, as two messages. */
const bodies = Array.from({ length: ORDERS }, (_, index) =>
  JSON.stringify({
    order: index,
    lines: Array.from({ length: LINES }, (_line, line) => ({
      id: line === index % LINES ? "none" : line,
      email: `user-${line}@example.org`,
    })),
  }),
).flatMap((body) => [body, body]);

async function expectEachOnce(bench: Bench, env: Readonly<Record<string, string>>): Promise<void> {
  const deadline = performance.now() + (VISIBILITY_TIMEOUT + 30) * 1000;
  for (;;) {
    const { code, stderr } = await bench.run(["drain", "--json"], env);
    expect({ code, stderr }).toMatchObject({ code: EXIT.done });
    if ((await bench.sqs.inspect(bench.queue)).messages.length === 0) break;
    expect(performance.now(), "messages stay hidden for longer than their visibility timeout").toBeLessThan(
      deadline,
    );
  }
  const [rows] = await bench.sql`
    select count(*)::integer as rows, count(distinct (order_id, line_id))::integer as lines from public.order_lines`;
  expect(rows).toEqual({ rows: ORDERS * (LINES - 1), lines: ORDERS * (LINES - 1) });
  const [held] = await bench.sql`
    select count(*)::integer as held, count(distinct message_id)::integer as messages, sum(cardinality(records))::integer as records
    from fetch_etl.quarantine`;
  expect(held).toEqual({ held: bodies.length, messages: bodies.length, records: bodies.length });
}

it(`kill -9 at ${KILLS} random moments of drains of messages with records: each record once`, () =>
  withFolder((folder) =>
    withBench(
      async (bench) => {
        console.log(`chaos: CHAOS_SEED=${SEED}${FULL ? " CHAOS=full" : ""}`);
        const path = join(folder, "mapping.yaml");
        await writeFile(path, MAPPING);
        const env = { FETCH_ETL_MAPPING: path };
        const random = mulberry32(SEED + 17);
        let landed = 0;
        await bench.send(bodies);
        for (let round = 0; round < KILLS; round += 1) {
          if ((await bench.sqs.inspect(bench.queue)).messages.length === 0) {
            await expectEachOnce(bench, env);
            await bench.sql`truncate public.order_lines, fetch_etl.ledger, fetch_etl.quarantine`;
            await bench.send(bodies);
          }
          // A message of many records takes several statements.
          const running = Array.from({ length: 1 + (round % 2) }, () =>
            bench.start(["drain", "--json", "--batch-size", "20"], env),
          );
          const [killed, ...others] = running;
          await Promise.race([setTimeout(random() * LONGEST_MS), killed?.outcome]);
          if (killed?.child.kill("SIGKILL") === true) landed += 1;
          await killed?.outcome;
          for (const { outcome } of others) expect(json(await outcome)).toMatchObject({ stoppedBy: "empty" });
        }
        await expectEachOnce(bench, env);
        expect(landed).toBeGreaterThan(0);
      },
      { VisibilityTimeout: String(VISIBILITY_TIMEOUT) },
    ),
  ));
