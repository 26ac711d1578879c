// Whoever can send a message, answer a request or write a setting can write a text that is made to be slow. Work is counted, not timed.
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { parseMetrics } from "../../src/cli/commands/drain/metrics.ts";
import { escapeControls } from "../../src/cli/output.ts";
import { printable } from "../../src/cli/terminal/style.ts";
import { shorten } from "../../src/cli/terminal/table.ts";
import { readDatabase } from "../../src/config/database.ts";
import { readMaskingKeys } from "../../src/config/masking-key.ts";
import { Problems } from "../../src/config/readers.ts";
import { queueNameToShow, readQueue } from "../../src/config/queue.ts";
import { readRecipients } from "../../src/config/recovery.ts";
import { readTable } from "../../src/config/table.ts";
import { maxReceiveCount } from "../../src/sqs/queue.ts";
import { openQueue } from "../../src/sqs/open.ts";
import { toFailed, toReceived } from "../../src/sqs/message.ts";
import { targetOf } from "../../src/sqs/target.ts";
import { COLUMN_TYPES } from "../../src/mapping/types.ts";
import { normalizer } from "../../src/mapping/normalize.ts";
import { canonicalIp } from "../../src/masking/canonical.ts";
import { createOpener } from "../../src/recovery/identities.ts";
import { columnOf } from "../mapping/values.ts";
import { deaf, settings, stubAwsEnvironment } from "../sqs/servers.ts";
import { ENVELOPE, inEnvelope } from "../support/envelope.ts";
import { loginEntries } from "../support/login-entries.ts";
import { meter } from "../support/meter.ts";
import { startQueryServer } from "../support/query-server.ts";
import { sourcesOf } from "../support/sources.ts";

const LENGTH = 2 ** 20;
/** Longer than any value whose form is looked at. */
const LONG = 256;
/** How often a reader may look at each character. */
const LOOKS = 24;

const part = fc.constantFrom(
  ...["", ":", "::", "0", "1", "1.", ".", "a", "f:", "%", "[", "]", "-", "+", "/", "@", ",", "=", "#", "?"],
  ...[
    " ",
    "\t",
    "\n",
    "\r\n",
    " , ",
    "\u{a0}",
    "\u{feff}",
    "\u{1b}[",
    "\\",
    '"',
    "'",
    "é",
    "装",
    "📱",
    "\ud83d",
  ],
  ...[
    "::ffff:",
    "1.2.3.4",
    "1.2.3.4:",
    "v1.2.3+",
    "2024-01-15T",
    "00:00",
    "arn:aws",
    "-a",
    "arn:aws:sns:",
    "age1",
  ],
  ...[
    "http://a/",
    "postgres://",
    "%41",
    "&a=b",
    "AAAA",
    '"maxReceiveCount":',
    "AGE-SECRET-KEY-1",
    "{}",
    'a_{a="b"} 1\n',
  ],
);
/** A beginning, a part that is repeated up to 1 MB, and an end that spoils it. */
const hostile = fc.record({ start: part, pump: fc.array(part, { minLength: 1, maxLength: 3 }), end: part });
interface Hostile {
  readonly start: string;
  readonly pump: readonly string[];
  readonly end: string;
}
/** That took seconds, once. */
const slowAddress: Hostile = { start: "", pump: [":"], end: "x" };

function textOf({ start, pump, end }: Hostile, length = LENGTH): string {
  const repeated = pump.join("") === "" ? ":" : pump.join("");
  return `${start}${repeated.repeat(Math.ceil(length / repeated.length))}${end}!`;
}

const entries = loginEntries();
const read = (body: string): unknown => Array.from(entries.items({ messageId: "m", body, sentAt: 0 }));
const login = { user_id: "u", app_version: null, device_type: null, ip: null, locale: null, device_id: null };
/** A mistake that is told is an outcome as good as any. */
const orFail = (reader: () => unknown): void => {
  try {
    reader();
  } catch (error) {
    expect(error).toMatchObject({ kind: "configuration" });
  }
};
const sqs = { endpointUrl: undefined, region: undefined, protocol: "auto", maxSockets: 1 } as const;

describe("the work of reading 1 MB grows with its length, and no more, for", () => {
  it.each<[string, (text: string) => unknown]>([
    ["a body", read],
    ...[...Object.keys(login), "create_date"].map((key): [string, (text: string) => unknown] => [
      `the ${key} of a message`,
      (text) => read(JSON.stringify({ ...login, [key]: text })),
    ]),
    ["a message in an envelope of SNS", (text) => read(inEnvelope(text))],
    [
      "the topic of an envelope",
      (text) => read(JSON.stringify({ ...ENVELOPE, TopicArn: text, Message: "{}" })),
    ],
    [
      "a message's checksum",
      (text) => toReceived({ ...received, Body: "{}", MD5OfBody: text }, () => undefined),
    ],
    [
      "a message's time",
      (text) => toReceived({ ...received, Attributes: { SentTimestamp: text } }, () => undefined),
    ],
    ["a failed entry's code", (text) => toFailed([{ Id: text, Code: text, SenderFault: true }])],
    ["a redrive policy", maxReceiveCount],
    ["a queue's name", (text) => readQueue({ queue: text }, {}, 1, new Problems())],
    ["a queue's name in a line", (text) => queueNameToShow(`http://a/${text}`)],
    [
      "a queue's URL",
      (text) => {
        orFail(() => targetOf({ ...sqs, queue: `https://sqs.a.amazonaws.com/${text}` }, undefined));
      },
    ],
    [
      "an endpoint",
      (text) => {
        orFail(() => targetOf({ ...sqs, queue: "http://a/b", endpointUrl: `https://${text}` }, undefined));
      },
    ],
    ["DATABASE_URL", (text) => readDatabase(sourcesOf({ DATABASE_URL: text }), new Problems())],
    [
      "the rest of DATABASE_URL",
      (text) => readDatabase(sourcesOf({ DATABASE_URL: `postgres://u@h/${text}` }), new Problems()),
    ],
    [
      "a list of servers",
      (text) => readDatabase(sourcesOf({ PGHOST: text, PGPORT: text, PGREQUIREAUTH: text }), new Problems()),
    ],
    [
      "the password file",
      (text) => readDatabase(sourcesOf({ PGHOST: "h", PGPASSFILE: "/p" }, { "/p": text }), new Problems()),
    ],
    [
      "a service file",
      (text) =>
        readDatabase(
          sourcesOf({ PGSERVICE: "s", PGSERVICEFILE: "/s" }, { "/s": `[s]\n${text}` }),
          new Problems(),
        ),
    ],
    ["a table's name", (text) => readTable({ table: text }, new Problems())],
    ["masking keys", (text) => readMaskingKeys(sourcesOf({ FETCH_ETL_MASKING_KEY: text }), new Problems())],
    ["recipients", (text) => readRecipients({ FETCH_ETL_RECOVERY_RECIPIENT: text }, new Problems())],
    [
      "an identity file",
      (text) => {
        orFail(() => createOpener(text));
      },
    ],
    ["an earlier run's metrics", parseMetrics],
    ["a text that is shown", printable],
    ["a text that is shown in a column", (text) => shorten(printable(text), 12)],
    ["a text that is printed as JSON", (text) => escapeControls(JSON.stringify(text))],
  ])("%s", async (_what, reader) => {
    await fc.assert(
      fc.asyncProperty(hostile, async (parts) => {
        const text = textOf(parts);
        const { characters, superLinear } = await meter(LONG, () => reader(text));
        expect(characters).toBeLessThan(LOOKS * text.length);
        expect(superLinear).toEqual([]);
      }),
      { numRuns: 3, examples: [[slowAddress]], endOnFailure: true },
    );
  });
});

const received = { MessageId: "m", ReceiptHandle: "r" };

it.each<[string, (text: string) => unknown]>([
  ["an address", canonicalIp],
  ["a version", COLUMN_TYPES.version.text(columnOf("version"))],
  ["a day", COLUMN_TYPES.date.text(columnOf("date"))],
])("%s that is too long is not looked at", async (_what, reader) => {
  const text = textOf(slowAddress);
  const { characters, longestMatched } = await meter(LONG, () => reader(text));
  expect({ characters, longestMatched }).toEqual({ characters: 0, longestMatched: 0 });
});

it("no expression looks at a text that is too long for a UUID", async () => {
  const readers = [COLUMN_TYPES.uuid.text(columnOf("uuid")), normalizer(["uuid", "nil"])];
  for (const reader of readers)
    expect((await meter(LONG, () => reader?.("0".repeat(LENGTH)))).longestMatched).toBe(0);
});

describe("an answer of the query protocol", () => {
  beforeEach(stubAwsEnvironment);

  it("with a body of 32 kB is read in work that grows with its length, and no more", async () => {
    const server = await startQueryServer();
    const queue = await openQueue(settings({ endpointUrl: server.endpoint, protocol: "query" }), deaf);
    try {
      const bodies = [":", "&", "<", '"', "\n", "]]>", "<!--", "&#", "&lt;", "a\t "].map((pump) =>
        pump.repeat(Math.floor(LENGTH / 32 / pump.length)),
      );
      for (const body of bodies) {
        server.send([body]);
        const { characters, superLinear } = await meter(LONG, async () => {
          const [message] = await queue.receive({ max: 1, waitSeconds: 0, visibilityTimeout: 30 });
          // Escaped for XML it has up to six times its length.
          await queue.delete([message?.receiptHandle ?? ""]);
        });
        expect(characters).toBeLessThan(6 * LOOKS * body.length);
        expect(superLinear).toEqual([]);
      }
    } finally {
      queue.close();
      await server.stop();
    }
  });
});

describe("the meter", () => {
  it("counts what a text is looked at again and again", async () => {
    const text = "a,".repeat(1000);
    const { characters } = await meter(LONG, () => {
      for (let at = 0; at < text.length; at += 1) text.indexOf("x", at);
    });
    expect(characters).toBeGreaterThan(text.length ** 2 / 2);
  });

  it("finds the expressions that backtrack, and lets pass those that do not", async () => {
    const patterns = [/^[0-9a-f:.]+$/i, /^[0-9a-f:]*:[0-9a-f:.]*$/i, /\s+$/];
    for (const [index, pattern] of patterns.entries()) {
      const { superLinear } = await meter(LONG, () => pattern.test("x".repeat(300)));
      expect(superLinear).toEqual(index === 0 ? [] : [String(pattern)]);
    }
  });
});
