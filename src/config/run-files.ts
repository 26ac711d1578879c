// Reads where a drain is to put itself on record.
import { resolve } from "node:path";
import { readOutputPath } from "./output-path.ts";
import type { Problems } from "./problems.ts";

export interface RunFileFlags {
  readonly report?: string;
  readonly metrics?: string;
  readonly dryRun?: boolean;
}

/** Undefined for a file that is not asked for, or is named by mistake. */
export interface RunFiles {
  readonly report: string | undefined;
  readonly metrics: string | undefined;
}

/**
 * Reads the flags; mistakes are added to `problems`.
 *
 * @param checkWritable throws the system's error where no file can be put there
 */
export function readRunFiles(
  flags: RunFileFlags,
  checkWritable: (path: string) => void,
  problems: Problems,
): RunFiles {
  const report = readOutputPath(flags.report, "--report", checkWritable, problems);
  const metrics = readOutputPath(metricsPath(flags, problems), "--metrics", checkWritable, problems);
  if (metrics !== undefined && report !== undefined && resolve(metrics) === resolve(report)) {
    problems.add("--report and --metrics name one file: the second would take the first one's place.");
    return { report: undefined, metrics: undefined };
  }
  return { report, metrics };
}

function metricsPath({ metrics, dryRun }: RunFileFlags, problems: Problems): string | undefined {
  if (metrics === undefined) return undefined;
  const mistakes: string[] = [];
  if (!metrics.endsWith(".prom"))
    mistakes.push("--metrics must name a file that ends in .prom: node_exporter reads no other.");
  if (dryRun === true)
    mistakes.push("--metrics does not go with --dry-run, which would count as a run that loads.");
  for (const mistake of mistakes) problems.add(mistake);
  return mistakes.length === 0 ? metrics : undefined;
}
