// `npm run bench`: measures fetch-etl against other ways to drain a queue, on real servers of its own.
import { interrupted, SIGNAL_EXIT, watchSignals } from "../sandbox/interruption.ts";
import { readOptions, type BenchOptions } from "./command-line.ts";
import type { ScenarioResult } from "./figures/results.ts";
import { describeMachine } from "./report/machine.ts";
import { keep, makeReport, reportAsJson } from "./report/report.ts";
import { LEGEND, markTable, scenarioTable } from "./report/tables.ts";
import { warmUp } from "./runs/run.ts";
import { runScenario } from "./runs/scenario-run.ts";
import { startServers, type Servers } from "./servers/servers.ts";

async function bench(servers: Servers, options: BenchOptions, signal: AbortSignal): Promise<void> {
  await warmUp(servers, signal);
  const say = options.json ? console.error : console.log;
  const results: ScenarioResult[] = [];
  for (const scenario of options.scenarios) {
    const result = await runScenario(servers, scenario, { signal, progress: console.error });
    results.push(result);
    say(`\n${scenarioTable(result)}\n`);
  }
  const report = makeReport(results, describeMachine(servers.postgresVersion));
  say([markTable(report.marks), "", ...LEGEND].join("\n"));
  if (options.json) console.log(reportAsJson(report));
  if (options.complete) await keep(report);
}

/** Resolves to the exit code: a mark that is missed is a result, and no error. */
async function main(options: BenchOptions): Promise<number> {
  const interruption = watchSignals();
  const servers = await startServers();
  try {
    await Promise.race([
      bench(servers, options, interruption.signal),
      // Not everything that is under way takes notice of a signal; it all ends with the servers.
      interrupted(interruption).then(() => {
        interruption.signal.throwIfAborted();
      }),
    ]);
    return 0;
  } catch (error) {
    const received = interruption.received();
    if (received !== undefined) return SIGNAL_EXIT[received];
    console.error(`The bench failed: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await servers.stop();
  }
}

process.exitCode = await main(readOptions(process.argv.slice(2)));
