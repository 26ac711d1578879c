// The arguments of the benchmark.
import { Command, InvalidArgumentError, Option } from "commander";
import {
  isPeer,
  KILL_MESSAGES,
  PEER_SCENARIOS,
  PEERS,
  SCENARIOS,
  type Peer,
  type Scenario,
} from "./scenarios.ts";

export interface BenchOptions {
  readonly scenarios: readonly Scenario[];
  /** The programs in other languages to measure; undefined for the benchmark without them. */
  readonly peers: readonly Peer[] | undefined;
  /** The messages for the programs that are killed while they drain them; 0 to kill none. */
  readonly killMessages: number;
  /** Prints the results as JSON, and the tables to standard error. */
  readonly json: boolean;
  /** True if no flag reduces the benchmark. Only complete results are stored. */
  readonly complete: boolean;
}

interface Flags {
  readonly peers?: readonly string[] | true;
  readonly scenario?: readonly string[];
  readonly rounds?: number;
  readonly messages?: number;
  readonly json?: true;
}

/** In place of a scenario's name. */
const KILL_SCENARIO = "peers-kill";

/** @param argv the arguments, without node and script */
export function readOptions(argv: readonly string[]): BenchOptions {
  const names = [...[...SCENARIOS, ...PEER_SCENARIOS].map(({ name }) => name), KILL_SCENARIO];
  const flags = new Command("npm run bench --")
    .description(
      "Measures fetch-etl against other ways to drain a queue, on real servers that it starts itself.",
    )
    .addOption(
      new Option(
        "--peers [names...]",
        "build and measure the programs in other languages (default: all)",
      ).choices(PEERS),
    )
    .addOption(new Option("--scenario <names...>", "run only these scenarios").choices(names))
    .option("--rounds <n>", "rounds per scenario", positive)
    .option("--messages <n>", "maximum messages per run", positive)
    .option("--json", "print the results as JSON")
    .parse(argv, { from: "user" })
    .opts<Flags>();
  const { peers, scenario } = flags;
  return {
    peers: peers === true ? PEERS : peers?.filter(isPeer),
    scenarios: (peers === undefined ? SCENARIOS : PEER_SCENARIOS)
      .filter(({ name }) => scenario?.includes(name) ?? true)
      .map((each) => scaled(each, flags)),
    killMessages:
      (scenario?.includes(KILL_SCENARIO) ?? true) ? Math.min(KILL_MESSAGES, flags.messages ?? Infinity) : 0,
    json: flags.json ?? false,
    complete:
      (peers === undefined || peers === true) &&
      [scenario, flags.rounds, flags.messages].every((flag) => flag === undefined),
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
