import { expect, it } from "vitest";
import { startProgressLog } from "../../../src/cli/log/progress-log.ts";
import { newCounts } from "../../../src/drain/counts.ts";
import { memoryLog } from "../../support/memory-log.ts";

it("logs a line each time the clock says so, and none after its end", async () => {
  const { log, lines } = memoryLog();
  const waits: (() => void)[] = [];
  const wait = (): Promise<void> => new Promise((resolve) => waits.push(resolve));
  const end = startProgressLog({ log, runId: "r", clock: { now: () => 0, wait } }, "logins", newCounts());
  const tick = async (): Promise<void> => {
    waits.at(-1)?.();
    await new Promise(setImmediate);
  };
  expect(lines).toEqual([]);
  await tick();
  await tick();
  expect(lines).toEqual(["event: Draining", "event: Draining"]);
  end();
  await tick();
  expect(lines).toHaveLength(2);
});
