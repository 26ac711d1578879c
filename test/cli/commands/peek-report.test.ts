import { expect, it } from "vitest";
import { LOGIN } from "../../../src/config/mapping.ts";
import type { Context } from "../../../src/cli/context.ts";
import { writePeeked, writePeekedJson, writeRaw, type Shown } from "../../../src/cli/commands/peek/report.ts";

const token = `h1.abcdefgh.${"x".repeat(43)}`;

function peeked(userId: string): Shown {
  const cells = [userId, "android", token, token, null, "2147483647", "2023-01-05"];
  return { heading: { messageId: "m", sentAt: 0, receiveCount: 1 }, records: [{ record: 0, cells }] };
}

function shown(write: (context: Context) => void): string {
  let text = "";
  const output = {
    write: (more: string) => void (text += more),
    stream: process.stdout,
    isTerminal: true,
    columns: 80,
  };
  // Only these are looked at.
  write({ stdout: output, env: { NO_COLOR: "1" } } as unknown as Context);
  return text;
}

it("the table fits a terminal of 80 columns", () => {
  const table = shown((context) => {
    writePeeked(context, LOGIN.columns, [
      peeked("c0173198-76a8-4e67-bfc2-74eaa3bbff57"),
      peeked("\u{1F600}".repeat(20)),
    ]);
  });
  for (const line of table.split("\n")) expect(Array.from(line).length).toBeLessThanOrEqual(80);
});

it("a row with too many columns for the terminal is a block of lines", () => {
  const many = LOGIN.columns
    .slice(0, 2)
    .flatMap((column) => Array.from({ length: 6 }, () => column))
    .map((column, index) => ({ ...column, name: `column_${index}` }));
  const cells = many.map((_, index) => (index === 1 ? null : `${index} ${"x".repeat(100)}`));
  const { heading } = peeked("");
  const text = shown((context) => {
    writePeeked(context, many, [
      {
        heading,
        records: [
          { record: 0, cells },
          { record: 1, cells },
          { record: 2, rejection: ["a: missing"] },
        ],
      },
    ]);
  });
  const lines = text.split("\n");
  expect(lines.slice(0, 2)).toEqual([`column_0   0 ${"x".repeat(66)}…`, "column_1   -"]);
  expect(lines[12]).toBe("");
  expect(lines.slice(-2)).toEqual(["would be quarantined: m: record 2: a: missing", ""]);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
});

it("no message can steer the terminal", () => {
  const hostile = "\u001b[2J\u009b1m\r\n";
  const raw = { messageId: "m", receiptHandle: "r", body: hostile, sentAt: 0, receiveCount: 1 };
  const texts = [
    shown((context) => {
      writePeeked(context, LOGIN.columns, [peeked(hostile)]);
    }),
    shown((context) => {
      const heading = { messageId: hostile, sentAt: 0, receiveCount: 1 };
      const records = [
        { record: 0, rejection: ["user_id: missing"] },
        { record: 1, skipped: true },
      ] as const;
      writePeeked(context, LOGIN.columns, [{ heading, records }]);
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
