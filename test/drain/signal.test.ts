import { expect, it } from "vitest";
import { Signal } from "../../src/drain/signal.ts";

/** Runs everything that is ready to run. */
const rest = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function waiting(signal: Signal, orUntil?: Promise<void>): { over: boolean } {
  const state = { over: false };
  void signal.wait(orUntil).then(() => (state.over = true));
  return state;
}

it("who waits for a bell sleeps until it rings", async () => {
  const signal = new Signal();
  const waiter = waiting(signal);
  await rest();
  expect(waiter.over).toBe(false);
  signal.ring();
  await rest();
  expect(waiter.over).toBe(true);
});

it("a ring that comes while nobody waits is kept for the next wait, and for that one only", async () => {
  const signal = new Signal();
  signal.ring();
  signal.ring();
  await signal.wait();
  const second = waiting(signal);
  await rest();
  expect(second.over).toBe(false);
});

it("a wait ends at something else, too, and the bell rings for the next one", async () => {
  const signal = new Signal();
  await signal.wait(Promise.resolve());
  const next = waiting(signal);
  await rest();
  expect(next.over).toBe(false);
  signal.ring();
  await rest();
  expect(next.over).toBe(true);
});
