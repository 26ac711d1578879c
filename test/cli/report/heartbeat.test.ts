import { expect, it } from "vitest";
import { startHeartbeat } from "../../../src/cli/report/heartbeat.ts";
import { newTally } from "../../../src/drainer/tally.ts";
import { memoryLog } from "../../support/memory-log.ts";

it("logs a line each time the clock says so, and none after its end", async () => {
  const { log, lines } = memoryLog();
  const waits: (() => void)[] = [];
  const wait = (): Promise<void> => new Promise((resolve) => waits.push(resolve));
  const end = startHeartbeat({ log, clock: { now: () => 0, wait } }, "logins", newTally());
  const tick = async (): Promise<void> => {
    waits.at(-1)?.();
    await new Promise(setImmediate);
  };
  expect(lines).toEqual([]);
  await tick();
  await tick();
  expect(lines).toEqual(["event: Draining.", "event: Draining."]);
  end();
  await tick();
  expect(lines).toHaveLength(2);
});
