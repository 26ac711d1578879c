import { expect, it } from "vitest";
import { Bell } from "../../src/drainer/bell.ts";

/** Runs everything that is ready to run. */
const rest = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function waiting(bell: Bell, orUntil?: Promise<void>): { over: boolean } {
  const state = { over: false };
  void bell.wait(orUntil).then(() => (state.over = true));
  return state;
}

it("who waits for a bell sleeps until it rings", async () => {
  const bell = new Bell();
  const waiter = waiting(bell);
  await rest();
  expect(waiter.over).toBe(false);
  bell.ring();
  await rest();
  expect(waiter.over).toBe(true);
});

it("a ring that comes while nobody waits is kept for the next wait, and for that one only", async () => {
  const bell = new Bell();
  bell.ring();
  bell.ring();
  await bell.wait();
  const second = waiting(bell);
  await rest();
  expect(second.over).toBe(false);
});

it("a wait ends at something else, too, and the bell rings for the next one", async () => {
  const bell = new Bell();
  await bell.wait(Promise.resolve());
  const next = waiting(bell);
  await rest();
  expect(next.over).toBe(false);
  bell.ring();
  await rest();
  expect(next.over).toBe(true);
});
