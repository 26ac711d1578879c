// What the bench is told by its arguments.
import { Command, InvalidArgumentError, Option } from "commander";
import { SCENARIOS, type Scenario } from "./scenarios.ts";

export interface BenchOptions {
  readonly scenarios: readonly Scenario[];
  /** Print the results as JSON, and the tables on standard error. */
  readonly json: boolean;
  /** Whether everything is run as it is meant to be: only such results are worth keeping. */
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
    .description("Measures fetch-etl against other ways to drain a queue, on real servers of its own.")
    .addOption(new Option("--scenario <names...>", "only these").choices(names))
    .option("--rounds <n>", "this many rounds in each scenario", positive)
    .option("--messages <n>", "at most this many messages a run", positive)
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

/** Keeps the shares of invalid and redelivered messages as they are. */
function scaled(scenario: Scenario, { rounds = scenario.rounds, messages = Infinity }: Flags): Scenario {
  const entries = scenario.entries.map((entry) => {
    const fewer = Math.min(entry.messages, messages);
    const scale = (count = 0): number => (count === 0 ? 0 : Math.ceil((count * fewer) / entry.messages));
    return {
      ...entry,
      messages: fewer,
      invalid: scale(entry.invalid),
      redelivered: scale(entry.redelivered),
    };
  });
  return { ...scenario, rounds, entries };
}
