import { expect, it } from "vitest";
import { openLog } from "../../../src/cli/log/log.ts";
import type { LogFlags, LogFormat } from "../../../src/config/log-format.ts";

/** Opens a log, tells it a line of each kind, and gives what it wrote. */
function written(
  format: LogFormat,
  flags: LogFlags,
  {
    env = { NO_COLOR: "1" },
    isTerminal = true,
    columns = 0,
  }: { env?: NodeJS.ProcessEnv; isTerminal?: boolean; columns?: number } = {},
): readonly string[] {
  const texts: string[] = [];
  const stderr = {
    write: (text: string) => void texts.push(text),
    stream: process.stderr,
    isTerminal,
    columns,
  };
  const log = openLog({ stderr, env, flags, format, epochNow: () => 1_700_000_000_000 });
  log.debug("A detail.", { concurrency: 4 });
  log.event("An event.", { received: 3, requests: { receive: 1 } });
  log.note("A note.");
  log.warn("A warning.", { released: 2 });
  log.error("First mistake.\nSecond mistake.", "Failure\n    at place\n");
  return texts.join("").split(/(?<=\n)/);
}

it.each<[string, LogFlags, string[]]>([
  ["by itself", {}, ["A note.", "warning: A warning.", "error: First mistake.", "error: Second mistake."]],
  [
    "with --quiet",
    { quiet: true },
    ["warning: A warning.", "error: First mistake.", "error: Second mistake."],
  ],
  [
    "with --debug",
    { debug: true },
    [
      ...["A note.", "warning: A warning.", "error: First mistake.", "error: Second mistake."],
      ...["Failure", "    at place"],
    ],
  ],
])("writes sentences for people %s", (_, flags, lines) => {
  expect(written("text", flags)).toEqual(lines.map((line) => `${line}\n`));
});

it("puts the time before each line where stderr is no terminal", () => {
  const time = "2023-11-14T22:13:20.000Z";
  expect(written("text", { debug: true }, { isTerminal: false })).toEqual([
    ...["A note.", "warning: A warning.", "error: First mistake.", "error: Second mistake."].map(
      (line) => `${time} ${line}\n`,
    ),
    ...["Failure\n", "    at place\n"],
  ]);
});

it("wraps lines at spaces on a terminal, but not JSON", () => {
  const env = { FORCE_COLOR: "1" };
  expect(written("text", {}, { env, columns: 20 }).slice(-2)).toEqual([
    "\u001b[31merror:\u001b[39m Second\n",
    "  mistake.\n",
  ]);
  expect(written("json", {}, { env, columns: 20 })).toHaveLength(5);
});

it("colours labels where colour is wanted", () => {
  const [, warning, error] = written("text", {}, { env: { FORCE_COLOR: "1" } });
  expect(warning).toBe("\u001b[33mwarning:\u001b[39m A warning.\n");
  expect(error).toBe("\u001b[31merror:\u001b[39m First mistake.\n");
});

it.each<[string, LogFlags, string[]]>([
  ["all but details", {}, ["info", "info", "warn", "error", "error"]],
  ["nothing below a warning with --quiet", { quiet: true }, ["warn", "error", "error"]],
  ["details too with --debug", { debug: true }, ["debug", "info", "info", "warn", "error", "error"]],
  ["nothing below a warning with both", { debug: true, quiet: true }, ["warn", "error", "error"]],
])("writes, as JSON, %s", (_, flags, levels) => {
  const lines = written("json", flags).map((line) => JSON.parse(line) as { level: string });
  expect(lines.map(({ level }) => level)).toEqual(levels);
});

it("gives each JSON line a level, a time, a sentence and its fields", () => {
  const [event] = written("json", {});
  expect(JSON.parse(event ?? "")).toEqual({
    level: "info",
    time: "2023-11-14T22:13:20.000Z",
    name: "fetch-etl",
    pid: process.pid,
    received: 3,
    requests: { receive: 1 },
    msg: "An event.",
  });
});

it("tells where an error came from once, and only with --debug", () => {
  const framesOf = (flags: LogFlags): unknown[] =>
    written("json", flags).map((line) => (JSON.parse(line) as { frames?: string }).frames);
  const lines = framesOf({ debug: true });
  expect(lines.filter((frames) => frames !== undefined)).toEqual(["Failure\n    at place\n"]);
  expect(framesOf({}).every((frames) => frames === undefined)).toBe(true);
});

it("escapes what steers a terminal", () => {
  const texts: string[] = [];
  const stderr = {
    write: (text: string) => void texts.push(text),
    stream: process.stderr,
    isTerminal: true,
    columns: 80,
  };
  const log = openLog({ stderr, env: {}, flags: {}, format: "json", epochNow: () => 0 });
  log.warn("a\u009b2Jb\u001b[2Jc\u007f");
  expect(texts.join("")).toContain('"msg":"a\\u009b2Jb\\u001b[2Jc\\u007f"');
});
