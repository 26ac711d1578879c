// Each command as users start it: a process of its own, with the streams, the environment and the exit code of one. The other tests run
// most commands in their own process.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { startCli, type Outcome } from "../support/bench.ts";
import { runHere } from "../support/command-line.ts";
import { withFolder } from "../support/folder.ts";
import { everyCommand } from "../support/program.ts";
import { login, REASON, withVault } from "../support/vault.ts";

/** Twenty processes, one after the other. */
const TIMEOUT_MS = 180_000;
const BODY = JSON.stringify(login("u-1", "192.0.2.1", "d-1"));

it(
  "every command does its work, and says the same as in a test's process",
  () =>
    withVault((bench) =>
      withFolder(async (folder) => {
        const env = { ...bench.env, FETCH_ETL_RECOVERY_RECIPIENT: bench.holder.recipient };
        const lines = Object.entries(env).map(([name, value]) => `${name}=${value}\n`);
        await writeFile(join(folder, ".env"), lines.join(""));
        const ran = new Set<string>();
        /** All settings come from `.env`, none from the environment. */
        const run = async (words: string, ...args: readonly string[]): Promise<Outcome> => {
          ran.add(words);
          const outcome = await startCli([...words.split(" "), ...args], {}, folder, BODY).outcome;
          expect({ words, code: outcome.code, stderr: outcome.stderr }).toEqual({
            words,
            code: 0,
            stderr: expect.not.stringContaining("error"),
          });
          return outcome;
        };
        const identity = ["--identity", bench.holder.file];

        expect((await run("init")).stdout).toContain("created schema fetch_etl");
        await bench.send([BODY, ...generateMessages(100)]);
        expect((await run("peek", "--count", "1")).stdout).not.toBe("");
        expect((await run("doctor")).stdout).toContain("ok");
        expect((await run("drain")).stdout).toContain("loaded 100 of 101 messages");
        const { ip } = await bench.tokensOf("u-1");
        expect((await run("mask", "--field", "ip", "192.0.2.1")).stdout).toBe(`${ip}\n`);
        await writeFile(join(folder, "mapping.yaml"), (await run("mapping show")).stdout);
        expect((await run("mapping check", "mapping.yaml")).stdout).toContain("no mistakes");
        expect((await run("mapping try", "mapping.yaml")).stdout).toContain(ip);
        expect((await run("reveal", ip, ...identity, "--reason", REASON)).stdout).toContain("192.0.2.1");
        expect((await run("forget", ip, "--reason", REASON, "--yes")).stdout).not.toBe("");
        expect((await run("rotate", ...identity)).stdout).not.toBe("");
        const [held] = await bench.sql<{ id: string }[]>`select message_id as id from fetch_etl.quarantine`;
        expect((await run("quarantine show", held?.id ?? "")).stdout).toContain(held?.id);
        for (const words of ["verify", "status", "quarantine list"]) {
          const { code, stdout, stderr } = await run(words);
          expect(await runHere(words.split(" "), env)).toEqual({ code, stdout, stderr });
        }
        expect(
          (await run("quarantine purge", "--older-than", "0", "--never-replayed", "--yes")).stdout,
        ).toContain("1 message purged");
        expect((await run("quarantine replay")).stdout).not.toBe("");
        expect((await run("log")).stdout).toContain(REASON);
        expect((await run("keygen", "--force")).stdout).toContain("FETCH_ETL_MASKING_KEY=");
        expect((await run("help", "drain")).stdout).toContain("Usage: fetch-etl drain");
        expect((await run("completion", "bash")).stdout).toContain("complete");

        const all = everyCommand.filter(({ command }) => command.commands.length === 0);
        expect(ran).toEqual(new Set(all.map(({ words }) => words.replace("fetch-etl ", ""))));
      }),
    ),
  TIMEOUT_MS,
);
