// Every command with --json has a JSON Schema in the package, and its real output follows it.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { mistakesIn, schemaNames } from "../support/json-schemas.ts";
import { everyCommand } from "../support/program.ts";
import { login, REASON, withVault, type VaultBench } from "../support/vault.ts";

/** What has a schema without a flag: a file, and a command that prints nothing else. */
const OTHERS = ["drain-report", "mapping-try"];

it("each command with --json has a schema, and little else has", () => {
  const withJson = everyCommand
    .filter(({ command }) => command.options.some(({ long }) => long === "--json"))
    .map(({ words }) => words.replace("fetch-etl ", "").replace(" ", "-"));
  expect([...withJson, ...OTHERS].toSorted()).toEqual(schemaNames.toSorted());
});

const MAPPING = "{ version: 1, table: public.events, columns: { data: { type: jsonb } } }";

/** Runs every command, each in the ways that print other fields, and gives the names and the objects that it printed. */
async function outputs(bench: VaultBench): Promise<[string, Record<string, unknown>][]> {
  const printed: [string, Record<string, unknown>][] = [];
  const report = join(dirname(bench.holder.file), "run.json");
  const env = { FETCH_ETL_RECOVERY_RECIPIENT: bench.holder.recipient };
  const run = async (
    name: string,
    args: readonly string[],
    more: Readonly<Record<string, string>> = {},
    input = "",
  ): Promise<void> => {
    const flags = name === "mapping-try" ? [] : ["--json"];
    const { stdout, stderr } = await bench.run([...args, ...flags], { ...env, ...more }, input);
    const lines = stdout.split("\n").filter((line) => line !== "");
    if (lines.length === 0) throw new Error(`${args.join(" ")}: ${stderr}`);
    for (const line of lines) printed.push([name, JSON.parse(line) as Record<string, unknown>]);
  };
  await run("mapping-check", ["mapping", "check", "-"], {}, "version: 1\ntable: t\n");
  await run("mapping-check", ["mapping", "check", "-"], {}, MAPPING);
  await run(
    "mapping-try",
    ["mapping", "try"],
    {},
    `${JSON.stringify(login("u-a", "192.0.2.1", "d-a"))}\n{}\n`,
  );
  await run("init", ["init"]);
  await run("init", ["init"]);
  await bench.send([
    ...["a", "b"].map((name) => JSON.stringify(login(`u-${name}`, "192.0.2.1", `d-${name}`))),
    "{}",
  ]);
  await run("peek", ["peek"]);
  await run("peek", ["peek", "--raw", "--count", "1"]);
  await run("drain", ["drain", "--dry-run"]);
  await run("drain", ["drain", "--report", report]);
  printed.push(["drain-report", JSON.parse(await readFile(report, "utf8")) as Record<string, unknown>]);
  await bench.run(["drain", "--report", report], { AWS_ENDPOINT_URL_SQS: "http://127.0.0.1:1" });
  printed.push(["drain-report", JSON.parse(await readFile(report, "utf8")) as Record<string, unknown>]);
  await run("status", ["status"]);
  await run("status", ["status"], { AWS_ENDPOINT_URL_SQS: "http://127.0.0.1:1" });
  await run("verify", ["verify", "--expect", "2"]);
  await run("doctor", ["doctor"]);
  await run("quarantine-list", ["quarantine", "list"]);
  await run("quarantine-list", ["quarantine", "list", "--messages"]);
  const [held] = await bench.sql<{ id: string }[]>`select message_id as id from fetch_etl.quarantine`;
  await run("quarantine-show", ["quarantine", "show", held?.id ?? ""]);
  await run("quarantine-show", ["quarantine", "show", "--raw", "--reason", REASON, held?.id ?? ""]);
  await run("quarantine-replay", ["quarantine", "replay", "--dry-run"]);
  await run("quarantine-replay", ["quarantine", "replay"]);
  await run("mask", ["mask", "--field", "ip", "192.0.2.1"]);
  const { ip, device_id: device } = await bench.tokensOf("u-a");
  await run("reveal", ["reveal", ip, "--identity", bench.holder.file, "--reason", REASON]);
  await run("forget", ["forget", device, "--reason", REASON, "--yes"]);
  await run("forget", ["forget", "--where", "user_id=u-b", "--reason", REASON, "--dry-run"]);
  await run("rotate", ["rotate", "--dry-run"]);
  const next = randomBytes(32).toString("base64");
  await run("rotate", ["rotate", "--identity", bench.holder.file], {
    FETCH_ETL_MASKING_KEY: `${next},${bench.env["FETCH_ETL_MASKING_KEY"] ?? ""}`,
  });
  await run("log", ["log"]);
  await run("quarantine-purge", ["quarantine", "purge", "--older-than", "0"]);
  await run("quarantine-purge", ["quarantine", "purge", held?.id ?? "", "--never-replayed", "--yes"]);
  return printed;
}

it("the real output of each command follows its schema", () =>
  withVault(async (bench) => {
    const printed = await outputs(bench);
    expect(new Set(printed.map(([name]) => name))).toEqual(new Set(schemaNames));
    for (const [name, output] of printed) {
      expect({ name, output, mistakes: mistakesIn(output, name) }).toEqual({ name, output, mistakes: [] });
      // A field that the schema does not know would be noticed.
      expect(mistakesIn({ ...output, other: 1 }, name)).not.toEqual([]);
    }
  }));
