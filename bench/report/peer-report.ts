// The report of `--peers`: what `--json` prints, and what is stored in `bench/results/`.
import { writeFile } from "node:fs/promises";
import { judge, type MarkResult } from "../figures/marks.ts";
import type { ScenarioResult } from "../figures/results.ts";
import type { BuiltPeers } from "../peers/peers.ts";
import type { KillResult } from "../runs/kills.ts";
import { describeMachine, reportAsJson, type Machine } from "./report.ts";

export interface PeerReport extends BuiltPeers {
  readonly schemaVersion: 1;
  /** ISO 8601, with the time. */
  readonly date: string;
  readonly machine: Machine;
  readonly marks: readonly MarkResult[];
  readonly scenarios: readonly ScenarioResult[];
  readonly kills: readonly KillResult[];
}

/** Relative to `dist/bench/report`, where this file runs. */
const LATEST = new URL("../../../bench/results/peers.json", import.meta.url);

export function makePeerReport(made: {
  readonly results: readonly ScenarioResult[];
  readonly kills: readonly KillResult[];
  readonly peers: BuiltPeers;
  readonly postgres: string;
}): PeerReport {
  return {
    schemaVersion: 1,
    date: new Date().toISOString(),
    machine: describeMachine(made.postgres),
    ...made.peers,
    marks: judge(made.results),
    scenarios: made.results,
    kills: made.kills,
  };
}

/** Replaces the stored report. */
export async function storePeers(report: PeerReport): Promise<void> {
  await writeFile(LATEST, `${reportAsJson(report)}\n`);
}
