import { expect, it } from "vitest";
import { failed, ok, skipped, warning, type Check } from "../../../src/doctor/check.ts";
import type { Context } from "../../../src/cli/context.ts";
import { writeChecks, writeVerdict } from "../../../src/cli/commands/doctor/report.ts";

function shown(columns: number, checks: readonly Check[], env: NodeJS.ProcessEnv = {}): string {
  let text = "";
  const stdout = { write: (more: string) => (text += more), isTerminal: columns > 0, columns };
  const context = { stdout, env } as unknown as Context;
  writeChecks(context, checks);
  writeVerdict(context, checks);
  return text;
}

const CHECKS = [
  ok("queue", "login-queue at AWS, 12 visible, 0 in flight, 0 delayed, visibility timeout 30 s"),
  warning("TLS", "off", "Switch it on."),
  failed("tables", "some missing", { kind: "configuration", message: "Run this:\nGRANT …" }),
  skipped("ledger", "not checked"),
];

it("writes a line a check, and one for the way out, where no terminal has a width", () => {
  expect(shown(0, CHECKS)).toBe(
    `✔ queue             login-queue at AWS, 12 visible, 0 in flight, 0 delayed, visibility timeout 30 s
! TLS               off
                    Switch it on.
✖ tables            some missing
                    Run this: GRANT …
- ledger            not checked
1 failed, 1 warning, 1 not checked
`,
  );
});

it("stays within a terminal's width", () => {
  expect(shown(50, CHECKS, { NO_COLOR: "1" }).split("\n").slice(0, 3)).toEqual([
    "✔ queue             login-queue at AWS, 12",
    "                    visible, 0 in flight, 0",
    "                    delayed, visibility timeout 30",
  ]);
});

it("colours marks on a terminal, and says ok where nothing failed", () => {
  expect(shown(80, [ok("TLS", "on")])).toBe(
    "\u001b[32m✔\u001b[39m TLS               on\n\u001b[32mok\u001b[39m\n",
  );
});
