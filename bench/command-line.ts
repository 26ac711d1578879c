// The arguments of the benchmark.
import { Command, InvalidArgumentError, Option } from "commander";
import { SCENARIOS, type Scenario } from "./scenarios.ts";

export interface BenchOptions {
  readonly scenarios: readonly Scenario[];
  /** Prints the results as JSON, and the tables to standard error. */
  readonly json: boolean;
  /** True if no flag reduces the benchmark. Only complete results are stored. */
  readonly complete: boolean;
}

interface Flags {
  readonly scenario?: readonly string[];
  readonly rounds?: number;
  readonly messages?: number;
  readonly json?: true;
}

/** @param argv the arguments, without node and script */
export function readOptions(argv: readonly string[]): BenchOptions {
  const names = SCENARIOS.map(({ name }) => name);
  const flags = new Command("npm run bench --")
    .description(
      "Measures fetch-etl against other ways to drain a queue, on real servers that it starts itself.",
    )
    .addOption(new Option("--scenario <names...>", "run only these scenarios").choices(names))
    .option("--rounds <n>", "rounds per scenario", positive)
    .option("--messages <n>", "maximum messages per run", positive)
    .option("--json", "print the results as JSON")
    .parse(argv, { from: "user" })
    .opts<Flags>();
  return {
    scenarios: SCENARIOS.filter(({ name }) => flags.scenario?.includes(name) ?? true).map((scenario) =>
      scaled(scenario, flags),
    ),
    json: flags.json ?? false,
    complete: [flags.scenario, flags.rounds, flags.messages].every((flag) => flag === undefined),
  };
}

function positive(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError("It must be a whole number, 1 or more.");
  return Number(text);
}

/** Keeps the share of invalid messages. */
function scaled(scenario: Scenario, { rounds = scenario.rounds, messages = Infinity }: Flags): Scenario {
  const entries = scenario.entries.map((entry) => {
    const fewer = Math.min(entry.messages, messages);
    const { invalid = 0 } = entry;
    return {
      ...entry,
      messages: fewer,
      ...(invalid > 0 && { invalid: Math.ceil((invalid * fewer) / entry.messages) }),
    };
  });
  return { ...scenario, rounds, entries };
}
