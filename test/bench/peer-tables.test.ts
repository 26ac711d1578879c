import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { judge } from "../../bench/figures/marks.ts";
import { scenarioResult, type Figures } from "../../bench/figures/results.ts";
import { buildPeers } from "../../bench/peers/peers.ts";
import { replaceTable } from "../../bench/report/pages.ts";
import type { PeerReport } from "../../bench/report/peer-report.ts";
import { limit, peerTables } from "../../bench/report/peer-tables.ts";
import type { ContenderName } from "../../bench/contenders.ts";
import { unpadded } from "../support/markdown.ts";
import { NOTHING } from "./sample.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

const loopback = scenarioResult(
  { name: "peers-loopback", title: "Loopback" },
  new Map(
    Object.entries({
      "fetch-etl": { throughput: 10_000, cpu: 100, memory: 150, requests: 0.2 },
      go: { throughput: 30_000, cpu: 40, memory: 30, requests: 0.2 },
      java: { throughput: 5_000, cpu: 300, memory: 250, requests: 0.2 },
      "sdk-loop": { throughput: 5_000, cpu: 200, memory: 100, requests: 0.2 },
      "raw-loop": { throughput: 60_000, cpu: 10, memory: 50, requests: 0.2 },
    } satisfies Partial<Record<ContenderName, Partial<Figures>>>).map(([name, figures]) => {
      const contender = name as ContenderName;
      return [{ label: name, contender, messages: 40_000 }, [{ ...NOTHING, ...figures }]];
    }),
  ),
);

const report: PeerReport = {
  schemaVersion: 1,
  date: "2026-11-26T10:00:00Z",
  machine: { cpu: "EPYC", cores: 2, memoryGiB: 24, system: "Linux x64", node: "v20.1.0", postgres: "18.4" },
  versions: { go: "go1.26", java: "openjdk 17" },
  leftOut: { rust: "cargo is missing" },
  marks: judge([loopback]),
  scenarios: [loopback, { ...loopback, name: "peers-20ms" }],
  kills: [
    { contender: "fetch-etl", ledger: true, messages: 1, kills: 10, lost: 0, doubled: 0, hidden: 1_310 },
    { contender: "go", ledger: true, messages: 1, kills: 10, lost: 0, doubled: 0, hidden: 600 },
    { contender: "go", ledger: false, messages: 1, kills: 10, lost: 0, doubled: 2_000, hidden: 600 },
  ],
};

test("the first table tells in what another program is better, and what it lacks", () => {
  const [first = ""] = peerTables(report).split("\n\n");
  expect(first.split("\n").slice(2)).toEqual([
    expect.stringMatching(/^\| Go \| loopback 3.00×, 20 ms 3.00×, CPU 0.40×, memory 0.20× \| .*quarantine/),
    "| SDK loop, no database | memory 0.67× | a database |",
  ]);
});

test("the tables have a line per program, and one for the limit of the server", () => {
  const tables = peerTables(report);
  expect(tables).toContain("| Go | 30,000: itself, 1.2 | 30,000: itself, 1.2 | - |");
  expect(tables).toContain("| Go | 40 | 40 | - | 30 | 0.200 | - |");
  expect(tables).toContain("| Go | 0 | 0 | 0 | 2,000 | 600 |");
  expect(tables).toContain("| fetch-etl drain | 0 | 0 | - | - | 1,310 |");
  expect(tables).toMatch(/^Go +█{30} 30,000$/m);
  expect(tables).toMatch(/^Java +█{5} 5,000$/m);
  expect(tables.match(/bare sockets/g)).toHaveLength(1);
  expect(tables).toContain(
    "| bare sockets, nothing signed or parsed | 60,000: waiting, 0.6 | 60,000: waiting, 0.6 | - |",
  );
});

test("the tables name the machine, the versions and what was left out", () => {
  expect(peerTables(report)).toContain(
    "2 cores (EPYC, 24 GiB), which also ran both servers; Node.js 20.1.0, PostgreSQL 18.4, go1.26, openjdk 17; 26 November 2026. Left out: rust (cargo is missing).",
  );
});

test("the CPU of a message is a target against Go", () => {
  expect(peerTables(report)).toContain(
    "| CPU per message vs. Go with a ledger | 1.4× or less | **2.50×, missed** |",
  );
});

const RUN = { ...NOTHING, throughput: 10_000, cpu: 50 };

test.each([
  [
    "the SQS server, if that was busy all the time",
    { serverBusy: 0.95, machineBusy: 0.95 },
    "SQS server, 0.5",
  ],
  ["all cores, if none was idle", { serverBusy: 0.5, machineBusy: 0.95 }, "2 cores, 0.5"],
  ["its own CPU, if it used a core", { machineBusy: 0.8, cpu: 95 }, "itself, 0.9"],
  ["waiting, if nothing was busy", { serverBusy: 0.2, machineBusy: 0.5 }, "waiting, 0.5"],
  ["unknown without CPU time", { cpu: null }, "-"],
])("a program is limited by %s", (_what, figures, expected) => {
  expect(limit({ ...RUN, ...figures }, 2)).toBe(expected);
});

test("a peer whose tool is missing is left out, with its name", async () => {
  vi.stubEnv("PATH", "/nonexistent");
  const lines: string[] = [];
  const built = await buildPeers(["go"], new AbortController().signal, (line) => lines.push(line));
  expect(built).toEqual({ versions: {}, leftOut: { go: "go is missing" } });
  expect(lines).toEqual(["left out: go: go is missing"]);
});

test("a peer that cannot be built is left out; what its compiler says is not stored", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fetch-etl-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const script =
    '#!/bin/sh\n[ "$1" = version ] && echo "go version go1.26.8 linux" && exit\necho "no network" >&2\nexit 1\n';
  await writeFile(join(folder, "go"), script, { mode: 0o755 });
  vi.stubEnv("PATH", folder);
  const lines: string[] = [];
  const built = await buildPeers(["go"], new AbortController().signal, (line) => lines.push(line));
  expect(built).toEqual({ versions: {}, leftOut: { go: "its build failed" } });
  expect(lines.join("\n")).toMatch(/^building go, Go 1.26.8\nleft out: go: its build failed\n[^]*no network/);
});

test("a table is replaced on its page, and nothing else", () => {
  const page = "before\n<!-- bench: peers -->\nold\n<!-- bench: end of peers -->\nafter";
  expect(replaceTable(page, "peers", "new")).toBe(
    "before\n<!-- bench: peers -->\n\nnew\n\n<!-- bench: end of peers -->\nafter",
  );
  expect(() => replaceTable(page, "marks", "new")).toThrow("no place for the table of marks");
});

test("docs/performance.md contains the comparison of the stored results", () => {
  const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  const stored = JSON.parse(read("bench/results/peers.json")) as PeerReport;
  const page = unpadded(read("docs/performance.md")).replaceAll("\n", " ");
  for (const part of peerTables(stored).split("\n\n")) {
    expect(page).toContain(unpadded(part).replaceAll("\n", " "));
  }
});
