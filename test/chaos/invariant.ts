// What has to be true after every bad day, checked the same way everywhere.
import { expect } from "vitest";
import { generateLogins } from "../../sandbox/messages.ts";
import { EXIT_CODES } from "../../src/cli/exit-codes.ts";
import { json, type Bench, type Outcome } from "../support/bench.ts";

/** `CHAOS=full` asks for the long version of everything. */
export const FULL = process.env["CHAOS"] === "full";

/** So many as that: in the long version, and in the short one that runs with all other tests. */
export function times<T>(long: T, short: T): T {
  return FULL ? long : short;
}

/** Messages of which each can be told from every other, wherever it ends. */
export interface Sent {
  readonly bodies: readonly string[];
  readonly users: readonly string[];
  readonly invalid: number;
  /** What must not be seen anywhere outside of the queue. */
  readonly personal: readonly string[];
}

/** Logins, and one message that is none for each hundred of them. */
export function makeMessages(count: number): Sent {
  const logins = generateLogins(count).map((login, index) => ({ ...login, user_id: `user-${index}` }));
  const invalid = Math.max(1, Math.floor(count / 100));
  const broken = Array.from({ length: invalid }, (_, index) => ({ ...logins[index], user_id: null }));
  return {
    bodies: [...logins, ...broken].map((message) => JSON.stringify(message)),
    users: logins.map(({ user_id }) => user_id).sort(),
    invalid,
    personal: logins.flatMap(({ ip, device_id }) => [ip, device_id]),
  };
}

const CODES = new Set(EXIT_CODES.map(([code]) => code));

/** A run ended as runs do: by itself or by the signal that a test sent, with a code of the table, and told no secret. */
function expectProperEnd(bench: Bench, sent: Sent, { code, stdout, stderr }: Outcome): void {
  // A process that was killed hard has no code of its own.
  if (code !== null) expect(CODES).toContain(code);
  const output = stdout + stderr;
  const secrets = [bench.env["FETCH_ETL_MASKING_KEY"] ?? "?", bench.env["AWS_SECRET_ACCESS_KEY"] ?? "?"];
  const told = [...sent.personal, ...secrets].filter((secret) => output.includes(secret));
  expect(told).toEqual([]);
  expect(stderr).not.toContain("    at ");
}

export async function ended(bench: Bench, sent: Sent, outcome: Promise<Outcome>): Promise<Outcome> {
  const result = await outcome;
  expectProperEnd(bench, sent, result);
  return result;
}

/**
 * Drains until the queue is empty, now that nothing misbehaves any more, and checks that every message arrived once.
 * What an earlier run held comes back when its visibility timeout has run out, and is waited for no longer.
 */
export async function expectEachOnce(bench: Bench, sent: Sent, visibilityTimeout: number): Promise<void> {
  const deadline = performance.now() + (visibilityTimeout + 40) * 1000;
  for (;;) {
    const last = await ended(bench, sent, bench.run(["drain", "--json"]));
    expect({ code: last.code, stderr: last.stderr }).toMatchObject({ code: 0 });
    const { remaining } = json(last);
    const { messages } = await bench.sqs.inspect(bench.queue);
    if (messages.length === 0) {
      expect(remaining).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
      break;
    }
    expect(performance.now(), "messages stay hidden for longer than their visibility timeout").toBeLessThan(
      deadline,
    );
  }
  const rows = await bench.sql<{ user_id: string }[]>`
    select user_id from public.user_logins order by user_id collate "C"`;
  expect(rows.map(({ user_id }) => user_id)).toEqual(sent.users);
  const [held] = await bench.sql`
    select count(*)::integer as entries, count(distinct message_id)::integer as messages from fetch_etl.quarantine`;
  expect(held).toEqual({ entries: sent.invalid, messages: sent.invalid });
}
