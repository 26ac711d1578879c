import type { PeerReport } from "./peer-report.ts";
export function peerTables(report: PeerReport): string {
  return JSON.stringify(report.kills);
}
