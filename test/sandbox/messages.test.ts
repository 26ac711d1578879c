import fc from "fast-check";
import { isIP } from "node:net";
import { expect, test } from "vitest";
import { generateLogins, generateMessages, generateMixed, WRONG_TYPE } from "../../sandbox/messages.ts";
import { readLogin } from "../support/login-entries.ts";

/** How often each value occurs. */
function occurrences(values: readonly string[]): number[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts.values()];
}

test("one seed gives one list, another seed another", () => {
  expect(generateMessages(100, 7)).toEqual(generateMessages(100, 7));
  expect(generateMessages(100, 7)).not.toEqual(generateMessages(100, 8));
});

test("of a hundred messages, the 13th is of the wrong type and the others are the logins", () => {
  const messages = generateMessages(100);
  const [wrong] = messages.toSpliced(0, 12);
  expect(messages).toHaveLength(100);
  expect(wrong).toBe(WRONG_TYPE);
  expect(messages.toSpliced(12, 1).map((body): unknown => JSON.parse(body))).toEqual(generateLogins(99));
});

test("with fewer than 13 messages the wrong one is the last, and of none there is none", () => {
  expect(generateMessages(3).indexOf(WRONG_TYPE)).toBe(2);
  expect(generateMessages(0)).toEqual([]);
});

test.each([1, 2, 3, 4, 5])("some devices and addresses occur two to five times, seed %i", (seed) => {
  const logins = generateLogins(99, seed);
  for (const counts of [
    occurrences(logins.map(({ device_id }) => device_id)),
    occurrences(logins.map(({ ip }) => ip)),
  ]) {
    expect(counts.filter((count) => count > 1).length).toBeGreaterThan(2);
    expect(Math.max(...counts)).toBeLessThanOrEqual(5);
  }
});

test("of 5,000 logins about 29 % have no locale, and four fifths of the devices are new", () => {
  const logins = generateLogins(5000);
  const nulls = logins.filter(({ locale }) => locale === null).length;
  expect(nulls / 5000).toBeGreaterThan(0.27);
  expect(nulls / 5000).toBeLessThan(0.31);
  expect(new Set(logins.map(({ device_id }) => device_id)).size).toBeGreaterThan(4000);
});

test("every login has the real shape, and an address that is nobody's", () => {
  const nobodys = /^(192\.0\.2|198\.51\.100|203\.0\.113|198\.1[89]\.\d+)\.\d+$|^2001:db8::/;
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      for (const login of generateLogins(20, seed)) {
        expect(Object.keys(login)).toEqual([
          "user_id",
          "app_version",
          "device_type",
          "ip",
          "locale",
          "device_id",
        ]);
        expect(login.user_id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
        expect(login.app_version).toMatch(/^\d{1,2}\.\d{1,2}(\.\d)?$/);
        expect(login.device_type).toMatch(/^(android|ios)$/);
        expect(isIP(login.ip)).not.toBe(0);
        expect(login.ip).toMatch(nobodys);
        expect(login.locale ?? "XX").toMatch(/^[A-Z]{2}$/);
        expect(login.device_id).toMatch(/^9\d\d-[1-4]\d-\d{4}$/);
      }
    }),
    { numRuns: 50 },
  );
});

test("of mixed messages, exactly as many as asked for are not logins, for different reasons", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (count, share) => {
        const bad = Math.round(count * share);
        const read = generateMixed(count, bad, 1).map((body) => readLogin(body));
        expect(read).toHaveLength(count);
        expect(read.filter(({ ok }) => !ok)).toHaveLength(bad);
      },
    ),
    { numRuns: 30 },
  );
  const reasons = generateMixed(10, 5, 1).flatMap((body) => {
    const read = readLogin(body);
    return read.ok ? [] : [read.reasons.join()];
  });
  expect(new Set(reasons).size).toBe(5);
});
