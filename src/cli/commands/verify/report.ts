import type { QueueDepth } from "../../../drain/ports.ts";
import type { Verification, Repeated } from "../../../postgres/verify.ts";
import type { Distributions } from "../../../postgres/distributions.ts";
import type { Context } from "../../context.ts";
import { barLines } from "../../terminal/bars.ts";
import { writeJson } from "../../output.ts";
import { count, styleFor, plural, printable } from "../../terminal/style.ts";
import { spreadsOf } from "./spread.ts";
import { columns } from "../../terminal/table.ts";

export interface Verified extends Verification {
  /** Null if the queue was unreachable. */
  readonly queue: QueueDepth | null;
  readonly expected: number | undefined;
  readonly ok: boolean;
}

export function writeVerifiedJson(context: Context, verified: Verified): void {
  writeJson(context.stdout, {
    command: "verify",
    rows: verified.rows,
    distinct: verified.distinct,
    nulls: verified.nulls,
    createDate: verified.createDate,
    unmasked: verified.unmasked,
    keyIds: verified.keyIds,
    mostRepeated: verified.mostRepeated,
    distributions: verified.distributions,
    repeatedBodies: verified.repeatedBodies,
    quarantined: verified.quarantined,
    quarantineReasons: verified.quarantineReasons,
    queue: verified.queue,
    ...(verified.expected === undefined ? {} : { expected: verified.expected }),
    ok: verified.ok,
  });
}

export function writeVerified(context: Context, verified: Verified): void {
  const { distinct, nulls, mostRepeated } = verified;
  const style = styleFor(context.stdout, context.env);
  const withNulls = Object.entries(nulls).filter(([, rows]) => rows > 0);
  const lines = [
    ["rows", count(verified.rows)],
    ["distinct users", count(distinct.users)],
    ["distinct addresses", count(distinct.ips)],
    ["distinct devices", count(distinct.devices)],
    ["create_date", dateRange(verified)],
    ["nulls", withNulls.map(([column, rows]) => `${column} ${count(rows)}`).join(", ") || "none"],
    ["unmasked values", count(verified.unmasked)],
    ...(verified.repeatedBodies === null
      ? []
      : [["repeated message bodies", count(verified.repeatedBodies)]]),
    ["quarantined", count(verified.quarantined)],
    ["queue", queueText(verified.queue)],
  ];
  context.stdout.write(columns(lines));
  // A value that occurs in two rows counts twice.
  const keys = Object.entries(verified.keyIds).map(([id, { ips, devices }]) => [
    id,
    `${count(ips)} masked_ip`,
    `${count(devices)} masked_device_id`,
  ]);
  writeTable(context, "rows by masking key", keys);
  if (verified.distributions !== undefined) writeDistributions(context, verified.distributions);
  writeTable(context, "most repeated devices", mostRepeated.devices.map(repeatedRow));
  writeTable(context, "most repeated addresses", mostRepeated.ips.map(repeatedRow));
  const reasons = Object.entries(verified.quarantineReasons).map(([reason, messages]) => [
    printable(reason),
    plural(messages, "message"),
  ]);
  writeTable(context, "quarantine reasons", reasons);
  const verdict = verified.ok ? style.green("ok") : style.red("mismatch");
  context.stdout.write(`${verdict}${verified.queue === null ? " (the queue was not checked)" : ""}\n`);
}

/** Indented, under a heading; nothing if there are no rows. */
function writeTable({ stdout }: Context, heading: string, rows: readonly (readonly string[])[]): void {
  const lines = rows.map(([first = "", ...others]) => [`  ${first}`, ...others]);
  if (lines.length > 0) stdout.write(`${heading}\n${columns(lines)}`);
}

function repeatedRow({ token, rows }: Repeated): string[] {
  return [token, plural(rows, "row")];
}

/** The width without a terminal. */
const USUAL_COLUMNS = 80;

function writeDistributions({ stdout, env }: Context, distributions: Distributions): void {
  const style = styleFor(stdout, env);
  for (const { heading, counted } of spreadsOf(distributions)) {
    const lines = barLines(counted, stdout.columns === 0 ? USUAL_COLUMNS : stdout.columns);
    const drawn = lines.map(({ before, bar, after }) => `${before}${style.cyan(bar)}${after}\n`);
    stdout.write(`${heading}\n${drawn.join("")}`);
  }
}

export function dateRange({ createDate: { min, max } }: Verified): string {
  return min === null ? "-" : `${min} to ${max ?? "-"}`;
}

export function queueText(queue: QueueDepth | null): string {
  if (queue === null) return "not checked";
  return `${count(queue.visible)} visible, ${count(queue.inFlight)} in flight, ${count(queue.delayed)} delayed`;
}
