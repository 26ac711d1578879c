import { expect, it } from "vitest";
import { LOGIN } from "../../../src/config/mapping.ts";
import type { Context } from "../../../src/cli/context.ts";
import { writePeeked, writePeekedJson, writeRaw, type Shown } from "../../../src/cli/commands/peek/report.ts";

const token = `h1.abcdefgh.${"x".repeat(43)}`;

function peeked(userId: string): Shown {
  const cells = [userId, "android", token, token, null, "2147483647", "2023-01-05"];
  return { heading: { messageId: "m", sentAt: 0, receiveCount: 1 }, records: [{ record: 0, cells }] };
}

function shown(write: (context: Context) => void, columns = 80): string {
  let text = "";
  const output = {
    write: (more: string) => void (text += more),
    stream: process.stdout,
    isTerminal: columns > 0,
    columns,
  };
  // Only these are looked at.
  write({ stdout: output, env: { NO_COLOR: "1" } } as unknown as Context);
  return text;
}

const heading = { messageId: "6c6f9d4e-0d2b-4d6a-9d0c-0f7f3a1d2b11", sentAt: 0, receiveCount: 1 };
const rejected: Shown = {
  heading,
  records: [{ record: 0, rejection: ["user_id: missing", "ip: not an IP address", "device_id: missing"] }],
};
const USER = "c0173198-76a8-4e67-bfc2-74eaa3bbff57";

it.each([
  [60, "user_id       device_type  masked_ip   masked_devi…  locale"],
  [80, "user_id   device_type  masked_ip  masked_devi…  locale  app_version  create_date"],
  [0, "user_id   device_type  masked_ip  masked_devi…  locale  app_version  create_date"],
  [
    120,
    "user_id                               device_type  masked_ip   masked_device_id  locale  app_version   create_date",
  ],
])(
  "at %i columns, the table has the columns that fit, and nothing is wrapped within a word",
  (most, first) => {
    const users = [USER, "\u{1F600}".repeat(20)];
    const text = shown((context) => {
      writePeeked(context, LOGIN.columns, [peeked(users[0] ?? ""), rejected, peeked(users[1] ?? "")]);
    }, most);
    const lines = text.trimEnd().split("\n");
    expect(lines[0]).toBe(first);
    const words = lines.map((line) => line.trim()).join(" ");
    expect(words).toContain(
      `would be quarantined: user_id: missing; ip: not an IP address; device_id: missing (message ${heading.messageId})`,
    );
    const missing = LOGIN.columns.slice(first.split(/ +/).length).map(({ name }) => name);
    expect(words.includes("not shown")).toBe(missing.length > 0);
    if (missing.length > 0)
      expect(words).toContain(`not shown: ${missing.join(", ")}; --json shows all columns`);
    // Without a terminal, a sentence is one line.
    const fitted = lines.filter((line) => most > 0 || !line.startsWith("would be"));
    for (const line of fitted) expect(Array.from(line).length, line).toBeLessThanOrEqual(most || 80);
  },
);

it("a message that would be quarantined or skipped is in its place among the rows", () => {
  const skipped: Shown = { heading, records: [{ record: 0, skipped: true }] };
  const text = shown((context) => {
    writePeeked(context, LOGIN.columns, [peeked("first"), rejected, skipped, peeked("second")]);
  }, 0);
  expect(text.split("\n").map((line) => line.split(" ")[0])).toEqual([
    ...["user_id", "first", "would", "would", "second", ""],
  ]);
});

it("versions are as people write them; with --json, as they are stored", () => {
  const message: Shown = {
    heading,
    records: [
      { record: 0, cells: ["u", "ios", token, token, null, "2003004", "2023-01-05"] },
      { record: 1, cells: ["u", "ios", token, token, null, null, "2023-01-05"] },
    ],
  };
  const text = shown((context) => {
    writePeeked(context, LOGIN.columns, [message]);
  });
  const [, first = "", second = ""] = text.split("\n");
  expect([first, second].map((line) => line.trim().split(/ +/)[5])).toEqual(["2.3.4", "-"]);
  const json = shown((context) => {
    writePeekedJson(context, LOGIN.columns, [message]);
  });
  expect(json).toContain('"app_version":"2003004"');
});

it("a column that is wider than the terminal is cut, and many columns are counted", () => {
  const many = Array.from({ length: 1_600 }, (_, index) => ({
    ...(LOGIN.columns[0] ?? { name: "", type: "text" }),
    name: `column_${index}`,
  })) as typeof LOGIN.columns;
  const cells = many.map((_, index) => (index === 1 ? null : `${index} ${"x".repeat(100)}`));
  const text = shown((context) => {
    writePeeked(context, many, [
      {
        heading,
        records: [
          { record: 0, cells },
          { record: 2, rejection: ["a: missing"] },
        ],
      },
    ]);
  }, 7);
  expect(text.split("\n").slice(0, 3)).toEqual([
    "column…",
    "0 xxxx…",
    `would be quarantined: record 2: a: missing (message ${heading.messageId})`,
  ]);
  expect(text).toContain("and 1,589 others; --json shows all columns");
});

it("no message can steer the terminal", () => {
  const hostile = "\u001b[2J\u009b1m\r\n";
  const raw = { messageId: "m", receiptHandle: "r", body: hostile, sentAt: 0, receiveCount: 1 };
  const texts = [
    shown((context) => {
      writePeeked(context, LOGIN.columns, [peeked(hostile)]);
    }),
    shown((context) => {
      const records = [
        { record: 0, rejection: ["user_id: missing"] },
        { record: 1, skipped: true },
      ] as const;
      writePeeked(context, LOGIN.columns, [{ heading: { ...heading, messageId: hostile }, records }]);
    }),
    shown((context) => {
      writePeekedJson(context, LOGIN.columns, [peeked(hostile)]);
    }),
    shown((context) => {
      writeRaw(context, raw);
    }),
  ];
  // eslint-disable-next-line no-control-regex
  for (const text of texts) expect(text.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
});
