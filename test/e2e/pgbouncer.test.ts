import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { generateLogins } from "../../sandbox/messages.ts";
import { json, withBench } from "../support/bench.ts";
import { hasPgBouncer, withPgBouncer } from "../support/pgbouncer.ts";
import { withVault } from "../support/vault.ts";

describe.skipIf(!hasPgBouncer && process.env["PGBOUNCER"] !== "required")(
  "through PgBouncer in transaction mode (skipped where it is not installed)",
  () => {
    it("every command does its work", () =>
      withVault((bench) =>
        withPgBouncer(bench.databaseUrl, async (pooledUrl) => {
          const env = { DATABASE_URL: pooledUrl, FETCH_ETL_RECOVERY_RECIPIENT: bench.holder.recipient };
          const run = async (args: readonly string[]): Promise<Record<string, unknown>> => {
            const outcome = await bench.run([...args, "--json"], env);
            expect(outcome).toMatchObject({ code: 0, stderr: expect.not.stringContaining("error") });
            return json(outcome);
          };
          expect((await run(["init"]))["made"]).toHaveLength(7);
          expect(await run(["doctor"])).toMatchObject({ ok: true });

          const logins = generateLogins(400).map((login, index) => ({ ...login, user_id: `user-${index}` }));
          await bench.send([...logins.map((login) => JSON.stringify(login)), "no login"]);
          // Two, so that statements of one go on in sessions that the other has just left.
          const drains = await Promise.all([1, 2].map(() => run(["drain", "--batch-size", "20"])));
          const sum = (count: string): number =>
            drains.reduce((total, drained) => total + Number(drained[count]), 0);
          expect({ loaded: sum("loaded"), quarantined: sum("quarantined") }).toEqual({
            loaded: 400,
            quarantined: 1,
          });
          expect(await run(["verify", "--expect", "400"])).toMatchObject({ ok: true, quarantined: 1 });

          expect(await run(["quarantine", "list"])).toMatchObject({ total: 1 });
          expect(await run(["quarantine", "replay"])).toMatchObject({ loaded: 0 });
          expect(await run(["quarantine", "purge", "--older-than", "0"])).toMatchObject({ purged: 1 });

          const { ip, device_id } = await bench.tokensOf("user-7");
          const how = { flags: ["--json"], env: { DATABASE_URL: pooledUrl } };
          const revealed = await bench.reveal([ip, device_id], how);
          expect(revealed.code).toBe(0);
          expect(revealed.stdout).toContain(logins[7]?.device_id);
          await run(["forget", device_id, "--reason", "request 12", "--yes"]);

          const keys = [randomBytes(32).toString("base64"), bench.env["FETCH_ETL_MASKING_KEY"]];
          Object.assign(env, { FETCH_ETL_MASKING_KEY: keys.join(",") });
          const rotated = await bench.run(["rotate", "--identity", bench.holder.file, "--json"], env);
          expect(rotated.code).toBe(0);
          expect(json(rotated)).toMatchObject({ rows: 400 });
        }),
      ));

    it.each([
      ["a wrong password", { password: "hidden-pw" }],
      ["an unknown user", { username: "nobody" }],
      ["an unknown database", { pathname: "/nothing" }],
    ])("%s is told as what it may be: PgBouncer does not tell it from what passes", (_what, changed) =>
      withBench((bench) =>
        withPgBouncer(bench.databaseUrl, async (pooledUrl) => {
          const DATABASE_URL = Object.assign(new URL(pooledUrl), changed).href;
          const { code, stdout, stderr } = await bench.run(["init"], { DATABASE_URL });
          expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
          expect(stderr).toMatch(
            /08P01.*wrong user, password or database in DATABASE_URL too: its log tells/,
          );
          expect(stderr).not.toContain("hidden-pw");
        }),
      ),
    );
  },
);
