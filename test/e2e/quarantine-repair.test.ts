// The recipe of docs/quarantine.md for one message: its commands are read from the page, and played in their order.
import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { json, withBench, type Outcome } from "../support/bench.ts";
import { login } from "../support/vault.ts";

const PAGE = await readFile(new URL("../../docs/quarantine.md", import.meta.url), "utf8");
const [, RECIPE = ""] = /\n### Repair one message\n(.*?)\n## /s.exec(PAGE) ?? [];

/** The words of each `fetch-etl` command, up to a pipe, with the id of the message in place of the page's. */
function commands(id: string): string[][] {
  return [...RECIPE.matchAll(/fetch-etl ((?:quarantine|mapping|drain)[^|`\n]*)/g)].map(([, text = ""]) =>
    [...text.trim().matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word = ""]) =>
      (quoted ?? word).replace(/^77aa0b1c$/, id.slice(0, 8)),
    ),
  );
}

it("repairs one message, and loads it once", () =>
  withBench(async (bench) => {
    await bench.send([
      JSON.stringify(login("u-1", "192.0.2.1", "d-1")),
      JSON.stringify({ ...login("u-2", "192.0.2.2", "d-2"), app_version: "1.x" }),
    ]);
    await bench.run(["drain", "--quiet"]);
    const listed = json(await bench.run(["quarantine", "list", "--messages", "--json"]));
    const [{ messageId }] = listed["messages"] as [{ messageId: string }];
    const [show = [], attempt = [], drain = [], purge = [], ...more] = commands(messageId);
    expect(more).toEqual([]);

    expect(RECIPE).toContain("jq -r '.messages[0].body'");
    const shown = json(await bench.run(show))["messages"] as [{ body: string }];
    const repaired = shown[0].body.replace("1.x", "1.2.3");
    expect(repaired).not.toBe(shown[0].body);
    const tried = (body: string): Promise<Outcome> => bench.run(attempt, {}, body);
    expect((await tried(shown[0].body)).stdout).toContain('"rejection":["app_version: not a version"]');
    expect((await tried(repaired)).stdout).toContain('"app_version":"1002003"');

    expect(RECIPE).toContain("aws sqs send-message --queue-url");
    // As in a file that jq wrote.
    await bench.send([`${repaired}\n`]);
    expect((await bench.run(drain)).stdout).toContain("loaded 1 of 1 message,");
    const purged = await bench.run([...purge, "--yes"]);
    expect(purged).toMatchObject({ code: 0, stdout: "fetch_etl.quarantine: 1 message purged\n" });

    expect(json(await bench.run(["quarantine", "replay", "--json"]))).toMatchObject({ loaded: 0 });
    expect(await bench.sql`select user_id, app_version from public.user_logins order by user_id`).toEqual([
      { user_id: "u-1", app_version: 1_000_000 },
      { user_id: "u-2", app_version: 1_002_003 },
    ]);
  }));
