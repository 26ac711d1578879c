// What a person sees of a command that deletes for ever, on a terminal.
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { BIN, withBench, type Bench } from "../support/bench.ts";
import { noTerminal, onTerminal, type TerminalSession } from "../support/terminal.ts";

if (noTerminal !== undefined) console.log(`The question on a terminal is not tested: ${noTerminal}.`);

const COLUMNS = 60;

function onSixtyColumns(bench: Bench, args: string): TerminalSession {
  const env = { PATH: process.env["PATH"] ?? "", TERM: "xterm-256color", NO_COLOR: "1", ...bench.env };
  // The shell should outlive a Ctrl-C, so that it can tell how the command ended.
  const command = `trap : INT; '${process.execPath}' '${BIN}' ${args}; echo "exit $?"`;
  return onTerminal(command, COLUMNS, { env, cwd: tmpdir() });
}

describe.skipIf(noTerminal !== undefined)("a purge on a terminal", () => {
  test("shows what it deletes and asks; only a yes deletes, and Ctrl-C ends it", () =>
    withBench(async (bench) => {
      await bench.send(["{}", '{"user_id": null, "device_type": 7, "ip": "x", "locale": null}']);
      await bench.run(["drain", "--quiet"]);
      const held = async (): Promise<number> => (await bench.sql`select 1 from fetch_etl.quarantine`).length;
      const purge = async (keys: string): Promise<string> => {
        const session = onSixtyColumns(bench, "quarantine purge --older-than 0 --never-replayed");
        await session.shows("[y/N]");
        session.type(keys);
        await session.ended;
        return session.screen();
      };
      const list = onSixtyColumns(bench, "quarantine list");
      await list.ended;
      expect(await list.screen()).toMatch(
        /^ {2}1 +\d{4}-\d\d-\d\d {2}[\da-f]{8} {2}not a login at all \(every\n {34}field missing\)$/m,
      );

      const interrupted = await purge("\u0003");
      expect(interrupted).toContain("Delete 2 messages for ever, including 2 never replayed");
      expect(interrupted).toMatch(/exit 130$/);
      expect(await purge("\r")).toMatch(/Nothing was changed\.\nexit 0$/);
      expect(await held()).toBe(2);
      expect(await purge("y\r")).toMatch(/2 messages purged\nexit 0$/);
      expect(await held()).toBe(0);
    }));
});
