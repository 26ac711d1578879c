import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
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

it("wrong flags are told together", async () => {
  const context = { env: {}, problems: new Problems() } as unknown as Context;
  await expect(runVerify({ html: "", appVersion: "x", expect: "-1" }, context)).rejects.toThrow(
    /--expect.*\n.*--app-version.*\n.*--html.*\n.*database/,
  );
});
