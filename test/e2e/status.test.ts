// `fetch-etl status`, after drains of the real command line that ended, failed, were killed or never began.
import { expect, it } from "vitest";
import { generateLogins } from "../../sandbox/messages.ts";
import { json, waitsForLock, withBench } from "../support/bench.ts";

const NOTHING_LISTENS = { AWS_ENDPOINT_URL_SQS: "http://127.0.0.1:1" };
const PERSONAL = "198.51.100.77";
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g;

it("shows how the last drains ended, the last failure and the waiting messages, without data or secrets", () =>
  withBench(async (bench) => {
    const { sql } = bench;
    const none = await bench.run(["status"]);
    expect(none).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("no table fetch_etl.runs yet"),
    });
    await bench.run(["init"]);
    expect((await bench.run(["status"])).stdout).toContain(
      "no drains of this queue are recorded in fetch_etl.runs\n",
    );

    // Neither has a row: one writes nothing, the other did not reach the database.
    const logins = generateLogins(6).map((login) => JSON.stringify(login));
    await bench.send(["{}", ...logins]);
    await bench.run(["drain", "--dry-run"]);
    expect((await bench.run(["drain", "--quiet"], NOTHING_LISTENS)).code).toBe(5);
    expect(await sql`select from fetch_etl.runs`).toHaveLength(0);

    expect((await bench.run(["drain", "--quiet", "--max-messages", "4"])).code).toBe(0);
    expect((await bench.run(["drain", "--fail-on-quarantine"])).code).toBe(0);

    await sql.unsafe(`
      create function public.refuse() returns trigger language plpgsql as $$
        begin raise exception '%', new.masked_ip || '${PERSONAL}' using errcode = '55000'; end $$;
      create trigger refuse before insert on public.user_logins for each row execute procedure public.refuse()`);
    const again = generateLogins(2, 5).map((login) => JSON.stringify({ ...login, ip: PERSONAL }));
    await bench.send(again);
    const failed = await bench.run(["drain"]);
    expect(failed.code).toBe(2);
    await sql.unsafe("drop function public.refuse() cascade");

    await sql.begin(async (tx) => {
      await tx`lock table public.user_logins in share mode`;
      const killed = bench.start(["drain"]);
      await waitsForLock(bench);
      killed.child.kill("SIGKILL");
      await killed.outcome;
    });
    const runs = await sql`select ended_by, exit_code, loaded from fetch_etl.runs order by started_at`;
    expect(runs.map((each) => ({ ...each }))).toEqual([
      { ended_by: "max-messages", exit_code: 0, loaded: expect.stringMatching(/^[34]$/) },
      { ended_by: "empty", exit_code: 0, loaded: expect.stringMatching(/^[23]$/) },
      { ended_by: "failed", exit_code: 2, loaded: "0" },
      { ended_by: null, exit_code: null, loaded: null },
    ]);

    const shown = await bench.run(["status"]);
    const known = json(await bench.run(["status", "--json"]));
    const sentence = failed.stderr
      .split("\n")
      .find((line) => line.startsWith("error: "))
      ?.slice("error: ".length);
    expect(known).toMatchObject({
      queue: bench.queue,
      waiting: { visible: expect.any(Number), inFlight: expect.any(Number), delayed: 0 },
      quarantined: 1,
      runs: [
        { endedAt: null, endedBy: null, exitCode: null, error: null, counts: null },
        {
          endedBy: "failed",
          exitCode: 2,
          error: sentence,
          table: "public.user_logins",
          keyId: expect.any(String),
        },
        { endedBy: "empty", counts: { quarantined: expect.any(Number) } },
        { endedBy: "max-messages", counts: { received: 4 } },
      ],
      lastFailure: { endedBy: "failed", error: sentence },
      otherQueues: [],
    });
    const { waiting } = known as { waiting: Record<string, number> };
    const [heading, ...lines] = shown.stdout.replaceAll(TIME, "TIME").trimEnd().split("\n");
    expect(heading).toBe(bench.queue);
    expect(lines.slice(0, 6)).toEqual([
      `  waiting       ${waiting["visible"]} visible, ${waiting["inFlight"]} in flight, 0 delayed`,
      "  quarantine    1 message",
      "  last failure  TIME, exit code 2",
      `                ${sentence}`,
      "",
      expect.stringMatching(/^started +took +loaded +quarantined +ended$/),
    ]);
    expect(lines.slice(6, -1).map((line) => line.replace(/^TIME.*? {2}(?=\S+( \S+)*$)/, ""))).toEqual([
      ...["no end recorded", "failed (2)", "empty", "max-messages"],
    ]);
    expect(lines.at(-1)).toBe("no end recorded: in progress, killed, or Postgres did not answer at the end");
    expect({ code: shown.code, stderr: shown.stderr }).toEqual({ code: 0, stderr: "" });

    const [all] = await sql<
      { text: string }[]
    >`select string_agg(runs::text, '') as text from fetch_etl.runs`;
    const { password } = new URL(bench.databaseUrl);
    for (const secret of [
      PERSONAL,
      bench.env["FETCH_ETL_MASKING_KEY"] ?? "",
      bench.env["AWS_SECRET_ACCESS_KEY"] ?? "",
      `:${password}@`,
    ])
      expect(`${all?.text ?? ""}${shown.stdout}`).not.toContain(secret);

    // The queue is only a part of it; the database is not.
    const away = await bench.run(["status"], NOTHING_LISTENS);
    expect(away.code).toBe(0);
    expect(away.stdout).toContain("  waiting       unknown: SQS is unreachable");
    expect(away.stdout.split("\n").slice(2)).toEqual(shown.stdout.split("\n").slice(2));
    const awayJson = await bench.run(["status", "--json"], NOTHING_LISTENS);
    expect(json(awayJson)).toEqual({ ...known, waiting: null });
    expect(awayJson.stderr).toMatch(/^warning: The queue was not checked\. .*ECONNREFUSED/);
    const url = new URL(bench.databaseUrl);
    url.port = "1";
    expect((await bench.run(["status"], { DATABASE_URL: url.href })).code).toBe(5);
  }));

it("replaces control characters that another role wrote into the run history", () =>
  withBench(async (bench) => {
    await bench.run(["init"]);
    await bench.sql`
      insert into fetch_etl.runs (id, queue, target, host, version, key_id, ended_at, ended_by, exit_code, error)
      select md5(q)::uuid, q, e'\u001b[2J', '', '', '', now(), e'\u001b[31mx\ny', 5, e'\u009b31m\nz'
      from unnest(${[`a:${bench.queue}`, "b:\u001b[2J"]}::text[]) as q`;
    const { stdout } = await bench.run(["status"]);
    // eslint-disable-next-line no-control-regex -- what must not be there
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    expect(stdout).toContain("\u{FFFD}[31mx\u{FFFD}y (5)\n");
    const printed = await bench.run(["status", "--json"]);
    // eslint-disable-next-line no-control-regex -- what must not be there
    expect(printed.stdout.trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    expect(json(printed)).toMatchObject({ lastFailure: { exitCode: 5 } });
  }));
