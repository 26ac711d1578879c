// The comparison with programs in other languages, as Markdown: for the terminal and for the documentation. Pure.
import { CONTENDERS, type ContenderName } from "../contenders.ts";
import type { Figure, Figures, ScenarioResult } from "../figures/results.ts";
import type { KillResult } from "../runs/kills.ts";
import { isPeer } from "../scenarios.ts";
import type { PeerReport } from "./peer-report.ts";
import { conditions } from "./report.ts";
import { markdown, marksTable, whole } from "./tables.ts";

const OWN = "fetch-etl";
const BARE: ContenderName = "raw-loop";
/** What an afternoon leaves out, of all programs in `bench/peers/`. */
const LACKS = "quarantine, retries, clean stop, pruning, key rotation";
/** Of a server or of all cores: there is nothing left for a faster program. */
const FULL = 0.9;
const BAR = 30;

/** The figures in which a program can be better, with how they are called. */
const COMPARED: readonly (readonly [name: string, scenario: string, figure: Figure, more: boolean])[] = [
  ["loopback", "peers-loopback", "throughput", true],
  ["20 ms", "peers-20ms", "throughput", true],
  ["TLS", "peers-tls", "throughput", true],
  ["CPU", "peers-loopback", "cpu", false],
  ["memory", "peers-loopback", "memory", false],
  ["empty queue", "peers-empty", "whole", false],
];
/** A smaller difference is noise. */
const CLEARLY = 1.05;

/** All tables, in the order in which they stand on the page. */
export function peerTables(report: PeerReport): string {
  const { scenarios, kills } = report;
  return [
    betterTable(scenarios),
    chart(scenarios),
    throughputTable(report),
    costTable(scenarios),
    ...(kills.length > 0 ? [killTable(kills)] : []),
    ...(report.marks.length > 0 ? [marksTable(report.marks)] : []),
    conditions(report, Object.values(report.versions)) + leftOutLine(report.leftOut),
  ].join("\n\n");
}

/** In what a program is better than fetch-etl: this comes first. */
function betterTable(scenarios: readonly ScenarioResult[]): string {
  const rows = programs(scenarios).flatMap((program) => {
    const better = COMPARED.flatMap(([name, scenario, figure, more]) => {
      const [own, other] = [OWN, program].map((entry) => entryOf(scenarios, scenario, entry)?.[figure] ?? 0);
      if (own === undefined || other === undefined || own === 0 || other === 0) return [];
      const ratio = more ? other / own : own / other;
      return ratio < CLEARLY ? [] : [`${name} ${(other / own).toFixed(2)}×`];
    });
    if (program === OWN || better.length === 0) return [];
    return [[title(program), better.join(", "), isPeer(program) ? LACKS : "a database"]];
  });
  return markdown(["program", "better than fetch-etl in", "what it lacks"], rows);
}

function chart(scenarios: readonly ScenarioResult[]): string {
  const rates = programs(scenarios).map((entry) => ({
    label: title(entry),
    rate: entryOf(scenarios, "peers-20ms", entry)?.throughput ?? 0,
  }));
  const most = Math.max(...rates.map(({ rate }) => rate), 1);
  const width = Math.max(...rates.map(({ label }) => label.length), 0);
  const bars = rates
    .toSorted((a, b) => b.rate - a.rate)
    .map(({ label, rate }) => {
      const bar = "█".repeat(Math.max(1, Math.round((rate / most) * BAR)));
      return `${label.padEnd(width)}  ${bar} ${whole(rate)}`;
    });
  return ["```text", "messages/s at 20 ms per call", ...bars, "```"].join("\n");
}

function throughputTable({ scenarios, machine }: PeerReport): string {
  return markdown(
    ["messages/s, and what limited it", "loopback", "at 20 ms per call", "over TLS"],
    // The last row is the limit of the server.
    [...programs(scenarios), BARE].map((program) => [
      title(program),
      ...["peers-loopback", "peers-20ms", "peers-tls"].map((scenario) => {
        const median = entryOf(scenarios, scenario, program);
        const rate = figure(scenarios, scenario, program, "throughput");
        return median === undefined ? rate : `${rate}: ${limit(median, machine.cores)}`;
      }),
    ]),
  );
}

/** What kept a program from being faster, and how many cores it used. */
export function limit({ cpu, throughput, serverBusy, machineBusy }: Figures, cores: number): string {
  if (cpu === null || throughput === null) return "-";
  const own = (cpu * throughput) / 1e6;
  const used = own.toFixed(1);
  if ((serverBusy ?? 0) >= FULL) return `SQS server, ${used}`;
  if ((machineBusy ?? 0) >= FULL) return `${cores} cores, ${used}`;
  return own >= FULL ? `itself, ${used}` : `waiting, ${used}`;
}

function costTable(scenarios: readonly ScenarioResult[]): string {
  return markdown(
    [
      "",
      "CPU µs, loopback",
      "at 20 ms",
      "over TLS",
      "peak memory MiB",
      "requests per message",
      "empty queue s",
    ],
    programs(scenarios).map((program) => [
      title(program),
      ...["peers-loopback", "peers-20ms", "peers-tls"].map((scenario) =>
        figure(scenarios, scenario, program, "cpu"),
      ),
      figure(scenarios, "peers-loopback", program, "memory"),
      figure(scenarios, "peers-loopback", program, "requests", 3),
      figure(scenarios, "peers-empty", program, "whole", 2),
    ]),
  );
}

function killTable(kills: readonly KillResult[]): string {
  const names = [...new Set(kills.map(({ contender }) => contender))];
  return markdown(
    [
      ...["after ten `kill -9`", "lost", "doubled"],
      ...["lost, without a ledger", "doubled, without a ledger", "hidden by one kill"],
    ],
    names.map((name) => {
      const [ledger, none] = [true, false].map((each) =>
        kills.find((kill) => kill.contender === name && kill.ledger === each),
      );
      const counts = [ledger?.lost, ledger?.doubled, none?.lost, none?.doubled, ledger?.hidden];
      return [title(name), ...counts.map((count) => (count === undefined ? "-" : whole(count)))];
    }),
  );
}

function leftOutLine(leftOut: PeerReport["leftOut"]): string {
  const missing = Object.entries(leftOut).map(([name, why]) => `${name} (${why})`);
  return missing.length > 0 ? ` Left out: ${missing.join(", ")}.` : "";
}

/** The programs that drained the queue on loopback, without the one that finds the server's limit. */
function programs(scenarios: readonly ScenarioResult[]): ContenderName[] {
  const entries = scenarios.find(({ name }) => name === "peers-loopback")?.entries ?? [];
  return entries.map(({ contender }) => contender).filter((contender) => contender !== BARE);
}

function title(program: ContenderName): string {
  return CONTENDERS[program].title;
}

function entryOf(scenarios: readonly ScenarioResult[], scenario: string, entry: string): Figures | undefined {
  return scenarios.find(({ name }) => name === scenario)?.entries.find(({ label }) => label === entry)
    ?.median;
}

function figure(
  scenarios: readonly ScenarioResult[],
  scenario: string,
  entry: string,
  name: Figure,
  digits = 0,
): string {
  const value = entryOf(scenarios, scenario, entry)?.[name] ?? null;
  if (value === null) return "-";
  return digits === 0 ? whole(value) : value.toFixed(digits);
}
