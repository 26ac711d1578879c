// Whatever a message holds, it ends as exactly one row or one quarantine entry, and nothing of it is cut short.
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Problems } from "../../src/config/readers.ts";
import { readDatabase } from "../../src/config/database.ts";
import { systemClock } from "../../src/drain/clock.ts";
import { drain } from "../../src/drain/loop.ts";
import { sealContext } from "../../src/drain/entry.ts";
import type { Queue, ReceivedMessage } from "../../src/drain/ports.ts";
import { openLoader } from "../../src/postgres/load.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { unseal } from "../../src/masking/seal.ts";
import { withBench } from "../support/bench.ts";
import { loginEntries, readLogin } from "../support/login-entries.ts";
import { times } from "./invariant.ts";
import { SEED } from "./random.ts";
import { sourcesOf } from "../support/sources.ts";

const QUEUE_ID = "arn:aws:sqs:us-east-1:000000000000:any";
const keys = deriveKeys(randomBytes(32));

/** A queue that does not wait: SQS itself would refuse many of these bodies, other servers let them through. */
function queueOf(messages: readonly ReceivedMessage[]): Queue & { readonly left: number } {
  const waiting = [...messages];
  const held = new Set<string>();
  return {
    name: "any",
    id: QUEUE_ID,
    visibilityTimeout: 600,
    isFifo: false,
    maxReceiveCount: undefined,
    requests: { receive: 0, delete: 0, other: 0 },
    get left() {
      return waiting.length + held.size;
    },
    receive: ({ max }) => {
      const taken = waiting.splice(0, max);
      for (const { receiptHandle } of taken) held.add(receiptHandle);
      return Promise.resolve(taken);
    },
    delete: (handles) => {
      for (const handle of handles) held.delete(handle);
      return Promise.resolve([]);
    },
    changeVisibility: () => Promise.resolve([]),
    depth: () => Promise.resolve({ visible: waiting.length, inFlight: held.size, delayed: 0 }),
    close: () => undefined,
  };
}

const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), fc.string());
const loneSurrogate = fc.constantFrom("\ud800", "\udfff", "a\udc00b");
const hostile = fc.oneof(
  fc.constantFrom(
    "\0",
    "a\0b",
    "\u{1F600}".repeat(32),
    "x".repeat(33),
    "\\",
    '"',
    "{}",
    "null",
    "'; drop table user_logins; --",
  ),
  loneSurrogate,
  anyText,
);
const anyValue = fc.oneof(
  { arbitrary: hostile, weight: 4 },
  fc.constantFrom<unknown>(null, true, 0, -1, 1e308, 2 ** 53, [], {}, ["1.2.3.4"]),
  fc.ipV4(),
  fc.ipV6(),
  fc.constantFrom("2.3.0", "0.96", "999.999.999", "9".repeat(40), "2023-01-05", "0000-01-01", "9999-12-31"),
  fc.jsonValue(),
);
const FIELDS = [
  "user_id",
  "app_version",
  "device_type",
  "ip",
  "locale",
  "device_id",
  "create_date",
  "__proto__",
  "constructor",
];
const field = fc.constantFrom(...FIELDS);
/** A login of which some fields are something else. */
const nearlyLogin = fc
  .tuple(fc.uuid(), fc.ipV4(), fc.array(fc.tuple(field, anyValue), { maxLength: 3 }))
  .map(([user_id, ip, changes]) => {
    const login = { user_id, ip, app_version: "1.2.3", device_type: "ios", locale: null, device_id: "d" };
    return JSON.stringify(Object.fromEntries([...Object.entries(login), ...changes]));
  });
const duplicateKeys = fc
  .tuple(anyValue, anyValue)
  .map(([a, b]) => `{"user_id":${JSON.stringify(a)},"user_id":${JSON.stringify(b)}}`);
const deep = fc.integer({ min: 1, max: 20_000 }).map((depth) => "[".repeat(depth));
const body = fc.oneof(
  { arbitrary: nearlyLogin, weight: 6 },
  anyText,
  loneSurrogate,
  fc.json(),
  duplicateKeys,
  deep,
  fc.constantFrom("", " ", "\ufeff{}", "{", "NaN", "1e999", '{"user_id":1e999}', "\u2028"),
);

test(
  "every body ends as one row or one quarantine entry, whole",
  () =>
    withBench(async (bench) => {
      const settings = readDatabase(sourcesOf(bench.env), new Problems());
      if (settings === undefined) throw new Error("no database");
      const entries = loginEntries({ keys, queueId: QUEUE_ID, randomBytes });
      const loader = await openLoader(settings, QUEUE_ID);
      let round = 0;
      const check = async (bodies: readonly string[]): Promise<void> => {
        round += 1;
        const messages = bodies.map((text, index) => ({
          messageId: `${round}-${index}`,
          receiptHandle: `${round}-${index}`,
          body: text,
          sentAt: 1_672_876_800_000,
          receiveCount: 1,
        }));
        await bench.sql`truncate public.user_logins, fetch_etl.quarantine, fetch_etl.ledger`;
        const queue = queueOf(messages);
        const report = await drain(
          { concurrency: 4, batchSize: 50, retryForSeconds: 0, onReject: "quarantine" },
          {
            queue,
            loader,
            entries,
            clock: systemClock,
            random: Math.random,
            stop: new AbortController().signal,
          },
        );
        const valid = bodies.filter((text) => readLogin(text).ok).length;
        expect(report).toMatchObject({
          received: bodies.length,
          loaded: valid,
          quarantined: bodies.length - valid,
          deleted: bodies.length,
          stoppedBy: "empty",
        });
        expect(queue.left).toBe(0);
        const [rows] = await bench.sql`select count(*)::integer as count from public.user_logins`;
        expect(rows).toEqual({ count: valid });
        const held = await bench.sql<{ message_id: string; sealed: Buffer }[]>`
        select message_id, sealed from fetch_etl.quarantine`;
        expect(held).toHaveLength(bodies.length - valid);
        for (const { message_id, sealed } of held) {
          const sent = messages.find(({ messageId }) => messageId === message_id)?.body;
          const opened = unseal(keys.quarantine, sealed, sealContext(QUEUE_ID, message_id));
          expect(Buffer.from(opened).toString()).toBe(sent?.toWellFormed());
        }
      };
      try {
        await fc.assert(fc.asyncProperty(fc.array(body, { minLength: 1, maxLength: 120 }), check), {
          seed: SEED,
          numRuns: times(200, 15),
          endOnFailure: true,
        });
        const large = {
          user_id: "u",
          ip: null,
          app_version: null,
          device_type: null,
          locale: null,
          device_id: null,
        };
        const filling = "x".repeat(1024 * 1024);
        await check([
          JSON.stringify({ ...large, filling }),
          filling,
          `{"user_id":"${filling}"}`,
          "[".repeat(1024 * 1024),
        ]);
      } finally {
        await loader.close();
      }
    }),
  300_000,
);
