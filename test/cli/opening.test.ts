// The wait for a server that is still starting.
import { expect, it } from "vitest";
import { readWait, whenReady } from "../../src/cli/opening.ts";
import { Throttled } from "../../src/drain/ports.ts";
import { Failure, Missing } from "../../src/failure.ts";
import { reading } from "../config/told.ts";
import { memoryLog } from "../support/memory-log.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const AWAY = new Failure("unavailable", "SQS is unreachable (ECONNREFUSED).");

/** Opens something that fails with these errors, one per attempt, and then always with the last one. */
function server(errors: readonly Error[], waitSeconds: number, stop?: AbortSignal) {
  const clock = new VirtualClock();
  const { log, lines } = memoryLog();
  const attempts: number[] = [];
  const open = (): Promise<string> => {
    const error = errors[Math.min(attempts.length, errors.length - 1)];
    attempts.push(clock.now());
    return error === undefined || error.message === "ready" ? Promise.resolve("open") : Promise.reject(error);
  };
  const limits = { clock, log, waitSeconds, started: 0, ...(stop === undefined ? {} : { stop }) };
  return { attempts, lines, clock, result: whenReady(open, limits) };
}

const READY = new Error("ready");

it("makes one attempt if the server is ready, and prints nothing", async () => {
  const { attempts, lines, result } = server([READY], 60);
  expect(await result).toBe("open");
  expect({ attempts, lines }).toEqual({ attempts: [0], lines: [] });
});

it.each([
  ["is unreachable", AWAY],
  ["has no such queue or database", new Missing('Postgres has no database "d".')],
  ["throttles", new Throttled("SQS is throttling requests.")],
])("tries again while the server %s, at growing intervals, and prints one line", async (_what, error) => {
  const { attempts, lines, result } = server([...Array.from({ length: 7 }, () => error), READY], 60);
  expect(await result).toBe("open");
  expect(attempts).toEqual([0, 250, 750, 1_750, 3_750, 7_750, 12_750, 17_750]);
  expect(lines).toEqual([`note: ${error.message} Trying again for up to 60 seconds (--wait).`]);
});

it("gives up after the time, with the last attempt at its end, and says how long it waited", async () => {
  const { attempts, result } = server([AWAY], 3);
  await expect(result).rejects.toMatchObject({
    name: "Failure",
    kind: "unavailable",
    message: "SQS is unreachable (ECONNREFUSED). fetch-etl waited 3 seconds (--wait).",
  });
  expect(attempts).toEqual([0, 250, 750, 1_750, 3_000]);
});

it("gives up with exit code 2 if nobody creates the queue or the database", async () => {
  const { result } = server([new Missing("No database.")], 1);
  await expect(result).rejects.toMatchObject({ kind: "configuration" });
});

it("makes one attempt without --wait, and says which flag waits at the start", async () => {
  const { attempts, lines, result } = server([AWAY], 0);
  await expect(result).rejects.toMatchObject({
    kind: "unavailable",
    message: "SQS is unreachable (ECONNREFUSED). To wait for it at the start, set --wait.",
  });
  expect({ attempts, lines }).toEqual({ attempts: [0], lines: [] });
});

it.each([new Failure("configuration", "Postgres rejected the login."), new TypeError("a bug")])(
  "does not wait after %s, nor advise it",
  async (error) => {
    await expect(server([error], 0).result).rejects.toBe(error);
    const { attempts, lines, result } = server([error], 60);
    await expect(result).rejects.toBe(error);
    expect({ attempts, lines }).toEqual({ attempts: [0], lines: [] });
  },
);

it("stops at a configuration error that appears later, such as a rejected login once the server is up", async () => {
  const { attempts, result } = server([AWAY, new Failure("configuration", "rejected")], 60);
  await expect(result).rejects.toMatchObject({ kind: "configuration" });
  expect(attempts).toEqual([0, 250]);
});

it("makes no attempt after a signal", async () => {
  const stop = new AbortController();
  const { attempts, clock, result } = server([AWAY], 60, stop.signal);
  void clock.wait(1_000).then(() => {
    stop.abort();
  });
  await expect(result).rejects.toThrow("unreachable");
  expect(attempts).toEqual([0, 250, 750]);
});

it.each([
  [undefined, 0, []],
  ["0", 0, []],
  ["2m", 120, []],
  ["2 m", 0, ["--wait / FETCH_ETL_WAIT takes 0 to 86400 whole seconds, such as 30s, 5m or 1h."]],
])("--wait %s is %i seconds", (text, value, told) => {
  expect(reading((problems) => readWait(text, problems))).toEqual({ value, told });
});
