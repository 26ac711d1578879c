import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { runVerify, type VerifyFlags } from "../../../src/cli/commands/verify/run.ts";
import type { Context, Services } from "../../../src/cli/context.ts";
import { Failure } from "../../../src/failure.ts";

/** What the database was asked to draw, as a command line of these flags does it. */
async function asked(flags: VerifyFlags): Promise<unknown> {
  const asked: unknown[] = [];
  const verifyTables: Services["verifyTables"] = (_settings, draw) => {
    asked.push(draw);
    return Promise.reject(new Failure("unavailable", "away"));
  };
  const output = { write: () => undefined, stream: new PassThrough(), isTerminal: false, columns: 0 };
  // Only these are looked at before the database is.
  const context = {
    env: { DATABASE_URL: "postgres://u:p@localhost/d" },
    stdout: output,
    stderr: output,
    checkWritable: () => undefined,
    services: { verifyTables },
  } as unknown as Context;
  await expect(runVerify(flags, context)).rejects.toThrow("away");
  expect(asked).toHaveLength(1);
  return asked[0];
}

it.each<[string, VerifyFlags, unknown]>([
  ["a plain verify", {}, { appVersion: "full" }],
  ["--app-version", { appVersion: "major" }, { appVersion: "major" }],
  ["--quiet", { quiet: true }, undefined],
  ["--quiet --json", { quiet: true, json: true }, { appVersion: "full" }],
  ["--quiet --html", { quiet: true, html: "page.html" }, { appVersion: "full" }],
])("distributions are looked for only where they are shown: %s", async (_what, flags, draw) => {
  expect(await asked(flags)).toEqual(draw);
});

it("wrong flags are told together", async () => {
  const context = { env: {} } as unknown as Context;
  await expect(runVerify({ html: "", appVersion: "x", expect: "-1" }, context)).rejects.toThrow(
    /--expect.*\n.*--app-version.*\n.*--html.*\n.*database/,
  );
});
