// The result of a `doctor` check: what it found and, unless it is ok, how to fix it. Pure. Contains no personal value and no secret.
import type { FailureKind } from "../failure.ts";

/** The checks of this machine, the queue and the database, in the order of the report. */
export const LOCAL_CHECKS = ["versions", "settings", ".env", "secrets", "masking key", "recipient"] as const;
export const QUEUE_CHECKS = [
  "credentials",
  "queue",
  "redrive policy",
  "receive right",
  "delete right",
  "visibility right",
  "SQS clock",
] as const;
export const DATABASE_CHECKS = [
  "database",
  "TLS",
  "Postgres clock",
  "tables",
  "columns",
  "database rights",
  "writing",
  "triggers",
  "public schema",
  "ledger",
  "run history",
  "key of rows",
] as const;
export type CheckName =
  (typeof LOCAL_CHECKS)[number] | (typeof QUEUE_CHECKS)[number] | (typeof DATABASE_CHECKS)[number];

interface Found {
  readonly name: CheckName;
  /** A few words. */
  readonly finding: string;
}

/** `skipped`: not checked, because another check failed. */
export type Check =
  | (Found & { readonly status: "ok" | "skipped" })
  | (Found & { readonly status: "warning"; readonly wayOut: string })
  | (Found & { readonly status: "failed"; readonly wayOut: string; readonly kind: FailureKind });

export function ok(name: CheckName, finding: string): Check {
  return { name, status: "ok", finding };
}

export function skipped(name: CheckName, finding: string): Check {
  return { name, status: "skipped", finding };
}

export function allSkipped(names: readonly CheckName[], finding: string): readonly Check[] {
  return names.map((name) => skipped(name, finding));
}

export function warning(name: CheckName, finding: string, wayOut: string): Check {
  return { name, status: "warning", finding, wayOut };
}

/** @param failure its message says how to fix the problem */
export function failed(
  name: CheckName,
  finding: string,
  { kind, message }: { readonly kind: FailureKind; readonly message: string },
): Check {
  return { name, status: "failed", finding, wayOut: message.replaceAll("\n", " "), kind };
}
