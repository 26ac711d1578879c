// `npm run bench`: measures fetch-etl against other ways to drain a queue, on real servers that it starts itself.
import { interrupted, SIGNAL_EXIT, watchSignals } from "../sandbox/interruption.ts";
import { readOptions, type BenchOptions } from "./command-line.ts";
import { scenarioResult, type Figures, type ScenarioResult } from "./figures/results.ts";
import { rotated } from "./figures/statistics.ts";
import { buildPeers } from "./peers/peers.ts";
import { makePeerReport } from "./report/peer-report.ts";
import { peerTables } from "./report/peer-tables.ts";
import { writeTable } from "./report/pages.ts";
import { conditions, makeReport, reportAsJson, store } from "./report/report.ts";
import { LEGEND, marksTable, programTable, scenarioTable } from "./report/tables.ts";
import { runKills, type KillResult } from "./runs/kills.ts";
import { runEntry, warmUp } from "./runs/run.ts";
import { isPeer, KILLED, type Entry, type Peer, type Scenario } from "./scenarios.ts";
import { startServers, type Servers } from "./servers/servers.ts";

async function bench(servers: Servers, options: BenchOptions, signal: AbortSignal): Promise<void> {
  const entries = options.scenarios.flatMap((scenario) => scenario.entries);
  await warmUp(servers, entries, signal);
  const say = options.json ? console.error : console.log;
  if (options.peers !== undefined) {
    await benchPeers(servers, options.peers, options, signal);
    return;
  }
  const results = await runScenarios(servers, options.scenarios, say, signal);
  const report = makeReport(results, servers.postgresVersion);
  say([marksTable(report.marks), "", ...LEGEND].join("\n"));
  if (options.json) console.log(reportAsJson(report));
  if (!options.complete) return;
  say(`\n${programTable(results)}`);
  await store("latest", report);
  await writeTable("programs", `${programTable(results)}\n\n${conditions(report)}`);
  await writeTable("marks", `${marksTable(report.marks)}\n\n${conditions(report)}`);
}

async function benchPeers(
  servers: Servers,
  names: readonly Peer[],
  options: BenchOptions,
  signal: AbortSignal,
): Promise<void> {
  const say = options.json ? console.error : console.log;
  const peers = await buildPeers(names, signal, console.error);
  const runs = ({ contender }: { contender: Entry["contender"] }): boolean =>
    !isPeer(contender) || peers.versions[contender] !== undefined;
  const scenarios = options.scenarios.map((each) => ({ ...each, entries: each.entries.filter(runs) }));
  const results = await runScenarios(servers, scenarios, say, signal);
  const kills: KillResult[] = [];
  for (const each of options.killMessages > 0 ? KILLED.filter(runs) : []) {
    signal.throwIfAborted();
    const result = await runKills(servers, { ...each, messages: options.killMessages }, signal);
    kills.push(result);
    console.error(
      `kill -9: ${each.contender}, ${each.ledger ? "with" : "without"} a ledger, lost ${result.lost}, doubled ${result.doubled}`,
    );
  }
  const report = makePeerReport({ results, kills, peers, postgres: servers.postgresVersion });
  const tables = peerTables(report);
  say(`\n${tables}`);
  if (options.json) console.log(reportAsJson(report));
  if (!options.complete) return;
  await store("peers", report);
  await writeTable("peers", tables);
}

async function runScenarios(
  servers: Servers,
  scenarios: readonly Scenario[],
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<ScenarioResult[]> {
  const results: ScenarioResult[] = [];
  for (const scenario of scenarios) {
    const result = await runScenario(servers, scenario, signal);
    results.push(result);
    say(`\n${scenarioTable(result)}\n`);
  }
  return results;
}

/**
 * Runs all entries in each round, starting with a different one each time. Prints a line per run.
 *
 * @throws Error if a contender does not do its job, or the signal is aborted
 */
async function runScenario(
  servers: Servers,
  scenario: Scenario,
  signal: AbortSignal,
): Promise<ScenarioResult> {
  const results = new Map<Entry, Figures[]>(scenario.entries.map((entry) => [entry, []]));
  for (let round = 0; round < scenario.rounds; round++) {
    for (const entry of rotated(scenario.entries, round)) {
      signal.throwIfAborted();
      const figures = await runEntry(servers, entry, signal);
      results.get(entry)?.push(figures);
      const rate = figures.throughput === null ? "" : `, ${Math.round(figures.throughput)} messages/s`;
      console.error(
        `${scenario.name} ${round + 1}/${scenario.rounds}: ${entry.label}, ${figures.whole.toFixed(1)} s${rate}`,
      );
    }
  }
  return scenarioResult(scenario, results);
}

/** Resolves to the exit code. A missed mark is a result, not an error. */
async function main(options: BenchOptions): Promise<number> {
  const interruption = watchSignals();
  const servers = await startServers();
  try {
    await Promise.race([
      bench(servers, options, interruption.signal),
      // Some of the work ignores signals; it ends when the servers stop.
      interrupted(interruption).then(() => {
        interruption.signal.throwIfAborted();
      }),
    ]);
    return 0;
  } catch (error) {
    const received = interruption.received();
    if (received !== undefined) return SIGNAL_EXIT[received];
    console.error(`The benchmark failed: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await servers.stop();
  }
}

process.exitCode = await main(readOptions(process.argv.slice(2)));
