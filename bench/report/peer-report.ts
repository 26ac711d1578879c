// The report of `--peers`: what `--json` prints, and what is stored in `bench/results/`.
import type { ScenarioResult } from "../figures/results.ts";
import type { BuiltPeers } from "../peers/peers.ts";
import type { KillResult } from "../runs/kills.ts";
import { measurement, type Measurement } from "./report.ts";

export interface PeerReport extends Measurement, BuiltPeers {
  readonly kills: readonly KillResult[];
}

export function makePeerReport(made: {
  readonly results: readonly ScenarioResult[];
  readonly kills: readonly KillResult[];
  readonly peers: BuiltPeers;
  readonly postgres: string;
}): PeerReport {
  return { ...measurement(made.results, made.postgres), ...made.peers, kills: made.kills };
}
