// What a person sees of a drain on a terminal.
import { tmpdir } from "node:os";
import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { BIN, makeTables, waitsForLock, withBench, type Bench } from "../support/bench.ts";
import { noTerminal, onTerminal, type TerminalSession } from "../support/terminal.ts";
import { generateMessages, generateMixed } from "../../sandbox/messages.ts";
import { startProxy } from "../support/proxy.ts";

if (noTerminal !== undefined) console.log(`What a terminal shows is not tested: ${noTerminal}.`);

const CTRL_C = "\u0003";
const HIDES_CURSOR = "\u001B[?25l";
const SHOWS_CURSOR = "\u001B[?25h";
// eslint-disable-next-line no-control-regex -- it is what is looked for
const COLOUR = /\u001B\[\d+(;\d+)*m/;

function drainOn(bench: Bench, columns: number, env: Record<string, string> = {}): TerminalSession {
  const passedOn = { PATH: process.env["PATH"] ?? "", TERM: "xterm-256color" };
  // The shell should outlive a Ctrl-C, so that it can tell how the drain ended.
  return onTerminal(`trap : INT; '${process.execPath}' '${BIN}' drain; echo "exit $?"`, columns, {
    env: { ...passedOn, ...bench.env, ...env },
    cwd: tmpdir(),
  });
}

describe.skipIf(noTerminal !== undefined)("a line for people", () => {
  test.each([60, 80, 120])("is never wrapped by a terminal of %i columns", (columns) =>
    withBench(async (bench) => {
      const ip = "198.51.100.7";
      const login = { user_id: "u-1", device_type: "ios", ip, locale: null, device_id: "d-1" };
      await bench.send([
        ...generateMixed(20, 6, 1),
        ...["1.2.3", "1.2.3-beta"].map((version) => JSON.stringify({ ...login, app_version: version })),
      ]);
      const env = { PATH: process.env["PATH"] ?? "", TERM: "xterm-256color", ...bench.env };
      const lines = [
        ...[
          "drain",
          "drain --queue nowhere --metrics /nowhere/etl.prom",
          "drain --batch-size 0 --retry-for x",
        ],
        ...["forget --where user_id=u-1 --reason r --dry-run", "forget --where user_id=u-2 --reason r"],
        ...["quarantine list", "quarantine replay --dry-run", "quarantine purge --older-than 0"],
        "quarantine purge --older-than 0 --never-replayed",
        ...[
          "rotate --dry-run",
          "rotate --identity nowhere",
          "reveal",
          "doctor",
          "status",
          "verify --expect 1",
        ],
      ];
      const commands = lines.map((line) => `echo n | '${process.execPath}' '${BIN}' ${line}`);
      const session = onTerminal(commands.join("; "), columns, { env, cwd: tmpdir() });
      const written = await session.ended;
      await session.screen();
      expect(written.match(/error:/g)?.length).toBeGreaterThan(6);
      expect(brokenLines(session)).toEqual([]);
    }),
  );
});

/** Lines that the terminal wrapped, because they were too long. */
function brokenLines({ buffer }: TerminalSession): string[] {
  const all = Array.from({ length: buffer.length }, (_, index) => index);
  return all
    .filter((index) => buffer.getLine(index)?.isWrapped === true)
    .map((index) =>
      [index - 1, index].map((each) => buffer.getLine(each)?.translateToString() ?? "").join(""),
    );
}

describe.skipIf(noTerminal !== undefined).concurrent("a drain on a terminal", () => {
  test.each([80, 40])("of %i columns leaves a short table and nothing else", (columns) =>
    withBench(async (bench) => {
      await bench.send(generateMessages(100));
      const session = drainOn(bench, columns);
      await session.shows("loaded");
      const written = await session.ended;
      expect(written.indexOf(HIDES_CURSOR)).toBeGreaterThanOrEqual(0);
      expect(written.lastIndexOf(SHOWS_CURSOR)).toBeGreaterThan(written.lastIndexOf(HIDES_CURSOR));
      expect(written).toMatch(COLOUR);
      const [heading, ...rest] = (await session.screen()).split("\n");
      expect(heading).toMatch(/^t\d+_\d+: the queue is empty/);
      const end = rest.findIndex((line) => line.startsWith("warning:"));
      const table = rest.slice(0, end).map((line) => line.trim().split(/ {2,}/)[0]);
      expect(table).toEqual([
        ...["received", "loaded", "quarantined", "deleted", "messages per second", "SQS requests"],
      ]);
      expect(rest.at(-1)).toBe("exit 0");
    }),
  );

  test("says in its line that SQS is away, how long it has waited, and no more when SQS is back", () =>
    withBench(async (bench) => {
      await bench.send(generateMessages(20));
      const proxy = await startProxy(bench.sqs.endpoint, ({ action }) =>
        action === "ReceiveMessage" ? { kind: "dropped" } : undefined,
      );
      const session = drainOn(bench, 80, { AWS_ENDPOINT_URL_SQS: proxy.endpoint });
      await session.shows("waiting for SQS (ECONNRESET), 2 of 30 s");
      proxy.misbehave();
      await session.shows("loaded");
      const written = await session.ended;
      await proxy.stop();
      expect(written).not.toContain("warning: SQS");
      expect(await session.screen()).toMatch(
        /^t\d+_\d+: the queue is empty \([\d.]+ s, waited [\d.]+ s for SQS\)$/m,
      );
    }));

  test("has no colour with NO_COLOR", () =>
    withBench(async (bench) => {
      await bench.send(generateMessages(20));
      const session = drainOn(bench, 80, { NO_COLOR: "1" });
      expect(await session.ended).not.toMatch(COLOUR);
    }));

  test("says at Ctrl-C that it stops; a second one ends it, and takes its line away", () =>
    withBench(async (bench) => {
      await bench.send(generateMessages(20));
      await makeTables(bench);
      await bench.sql.begin(async (tx) => {
        await tx`lock table public.user_logins in access exclusive mode`;
        const session = drainOn(bench, 80);
        await session.shows("0 loaded");
        await waitsForLock(bench);
        session.type(CTRL_C);
        await session.shows("stopping");
        // As close as the first, it would be taken for the same press.
        await setTimeout(1000);
        session.type(CTRL_C);
        const written = await session.ended;
        expect(await session.screen()).toBe("exit 130");
        expect(written.lastIndexOf(SHOWS_CURSOR)).toBeGreaterThan(written.lastIndexOf(HIDES_CURSOR));
      });
    }));
});
