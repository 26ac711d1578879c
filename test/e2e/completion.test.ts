// Completion in real shells, with the script that the command line prints.
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCli } from "../support/bench.ts";
import { completionsOf, isInstalled } from "../support/shells.ts";

describe.each(["bash", "zsh", "fish"] as const)("%s", (shell) => {
  let folder = "";
  let script = "";

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "fetch-etl-completion-"));
    script = join(folder, "completion");
    // A .env that cannot be read stops every command that touches it.
    await mkdir(join(folder, ".env"));
    const { code, stdout, stderr } = await startCli(["completion", shell], {}, folder).outcome;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    await writeFile(script, stdout);
    for (const name of ["identity.txt", "id two.txt", "other"]) await writeFile(join(folder, name), "");
  });

  afterAll(() => rm(folder, { recursive: true }));

  it.skipIf(!isInstalled(shell)).each([
    ["fetch-etl dr", ["drain"]],
    ["fetch-etl --debug quar", ["quarantine"]],
    ["fetch-etl quarantine ", ["help", "list", "purge", "replay", "show"]],
    ["fetch-etl quarantine re", ["replay"]],
    ["fetch-etl help quar", ["quarantine"]],
    ["fetch-etl help e", ["environment", "exit-codes"]],
    ["fetch-etl help quarantine ", ["list", "purge", "replay", "show"]],
    ["fetch-etl help quarantine sh", ["show"]],
    ["fetch-etl help drain ", []],
    ["fetch-etl completion ", ["bash", "fish", "zsh"]],
    ["fetch-etl drain --dry", ["--dry-run"]],
    ["fetch-etl quarantine purge --old", ["--older-than"]],
    ["fetch-etl drain --sqs-protocol ", ["auto", "json", "query"]],
    ["fetch-etl drain --sqs-protocol=j", ["json"]],
    ["fetch-etl drain --app-version ", ["full", "major"]],
    ["fetch-etl quarantine replay --app-version m", ["major"]],
    ["fetch-etl mask --field ", []],
    ["fetch-etl mask --mapping id", ["id two.txt", "identity.txt"]],
    ["fetch-etl rotate --identity id", ["id two.txt", "identity.txt"]],
    ["fetch-etl rotate --identity=iden", ["identity.txt"]],
    ["fetch-etl drain --queue ", []],
    ["fetch-etl drain --queue drain --max-m", ["--max-messages"]],
    ["fetch-etl nothing-of-that-name", []],
    ["fetch-etl peek --dry", []],
  ])(`%s${isInstalled(shell) ? "" : ` (skipped: there is no ${shell})`}`, async (line, expected) => {
    expect(await completionsOf(shell, folder, script, line)).toEqual(expected);
  });

  it.skipIf(!isInstalled(shell))("runs nothing of what stands on the line", async () => {
    await completionsOf(shell, folder, script, "fetch-etl $(touch made) dr");
    expect(await readdir(folder)).not.toContain("made");
  });
});
