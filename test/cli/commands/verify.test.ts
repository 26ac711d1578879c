import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { writeVerified } from "../../../src/cli/commands/verify/report.ts";
import { runVerify, type VerifyFlags } from "../../../src/cli/commands/verify/run.ts";
import type { Context, Services } from "../../../src/cli/context.ts";
import { Problems } from "../../../src/config/readers.ts";
import { Failure } from "../../../src/failure.ts";

/** How much the database was asked for, as a command line of these flags does it. */
async function asked(flags: VerifyFlags): Promise<unknown> {
  const asked: unknown[] = [];
  const verifyTables: Services["verifyTables"] = (_settings, extent) => {
    asked.push(extent);
    return Promise.reject(new Failure("unavailable", "away"));
  };
  const output = { write: () => undefined, stream: new PassThrough(), isTerminal: false, columns: 0 };
  // Only these are looked at before the database is.
  const context = {
    env: { DATABASE_URL: "postgres://u:p@localhost/d" },
    problems: new Problems(),
    stdout: output,
    stderr: output,
    checkWritable: () => undefined,
    services: { verifyTables },
  } as unknown as Context;
  await expect(runVerify(flags, context)).rejects.toThrow("away");
  expect(asked).toHaveLength(1);
  return asked[0];
}

it.each<[string, VerifyFlags, string]>([
  ["a plain verify", {}, "values"],
  ["--quiet", { quiet: true }, "counts"],
  ["--quiet --json", { quiet: true, json: true }, "values"],
  ["--quiet --html", { quiet: true, html: "page.html" }, "values"],
])("values are read only where they are shown: %s", async (_what, flags, extent) => {
  expect(await asked(flags)).toBe(extent);
});

/** The lines for a table without columns. */
function verifiedLines(
  counts: { readonly quarantined: number; readonly quarantineReasons: Readonly<Record<string, number>> },
  env: NodeJS.ProcessEnv,
): readonly string[] {
  let text = "";
  const stdout = { write: (more: string) => void (text += more), isTerminal: false, columns: 0 };
  writeVerified({ stdout, env } as unknown as Context, {
    ...{ rows: 3, columns: new Map(), unmasked: 0, repeatedBodies: 0, ...counts },
    ...{ table: "public.user_logins", queue: { visible: 0, inFlight: 0, delayed: 0 } },
    ...{ expected: 3, ok: true },
  });
  return text.split(/(?<=\n)/);
}

it.each([
  [0, "ok\n", "\u001b[32mok\u001b[39m\n"],
  [8, "ok, 8 quarantined\n", "\u001b[33mok, 8 quarantined\u001b[39m\n"],
])("ends with ok, in amber while %i messages wait in the quarantine", (quarantined, plain, colored) => {
  const lastLine = (env: NodeJS.ProcessEnv): string | undefined =>
    verifiedLines({ quarantined, quarantineReasons: {} }, env).at(-1);
  expect(lastLine({})).toBe(plain);
  expect(lastLine({ FORCE_COLOR: "1" })).toBe(colored);
});

it.each([
  [2, "A message counts once for each of its reasons.\n"],
  [3, "  user_id: missing  1 message\n"],
])("says why %i messages have 3 reasons, if they are not one each", (quarantined, last) => {
  const quarantineReasons = { "ip: missing": 2, "user_id: missing": 1 };
  expect(verifiedLines({ quarantined, quarantineReasons }, {}).at(-2)).toBe(last);
});

it("wrong flags are told together", async () => {
  const context = { env: {}, problems: new Problems() } as unknown as Context;
  await expect(runVerify({ html: "", appVersion: "x", expect: "-1" }, context)).rejects.toThrow(
    /--expect.*\n.*--app-version.*\n.*--html.*\n.*database/,
  );
});
