// Entries as drains make them, and what becomes of one that is loaded: for tests of the loader's statements.
import { Bisection } from "../../src/drain/bisection.ts";
import { DatabaseLost, RowRefused, StatementCancelled } from "../../src/drain/ports.ts";
import type { Loader, RejectionEntry, RowEntry } from "../../src/drain/ports.ts";
import { Failure } from "../../src/failure.ts";
import type { LoginRow } from "../../src/login/row.ts";

const SENT_AT = Date.UTC(2026, 6, 3);

/** A login of which only the user is known. */
export function row(
  messageId: string,
  columns: Partial<LoginRow> = {},
  more: Partial<RowEntry> = {},
): RowEntry {
  const empty = { masked_ip: null, masked_device_id: null, locale: null, app_version: null };
  return {
    kind: "row",
    messageId,
    sentAt: SENT_AT,
    bodyMac: Buffer.alloc(16),
    row: { user_id: messageId, device_type: null, ...empty, create_date: "2026-07-03", ...columns },
    ...more,
  };
}

export function rejection(messageId: string, more: Partial<RejectionEntry> = {}): RejectionEntry {
  const sealed = { keyId: "AAAAAAAA", bytes: Buffer.from(`sealed ${messageId}`) };
  return {
    kind: "rejection",
    messageId,
    sentAt: SENT_AT,
    bodyMac: Buffer.alloc(16),
    rejection: { reasons: ["ip: not an IP address"], sealed },
    ...more,
  };
}

/** What is told where a load, or anything else, fails: who is at fault, and the code or the kind. */
export interface Told {
  readonly at: "value" | "row" | "table" | "statement" | "server" | "nobody" | "sentence";
  readonly code?: string;
  readonly column?: string | undefined;
  readonly constraint?: string | undefined;
  readonly kind?: string;
  readonly message: string;
}

/** @throws what is none of the errors of the loader's port */
function told(error: unknown): Told {
  if (error instanceof RowRefused) {
    const { of, sqlState, column, constraint } = error.refusal;
    const { kind, message } = error.failure;
    return { at: of, code: sqlState, column, constraint, kind, message };
  }
  if (error instanceof StatementCancelled) return { at: "statement", ...failureOf(error.failure) };
  if (error instanceof DatabaseLost) return { at: "server", ...failureOf(error.failure) };
  if (error instanceof Failure) return { at: "sentence", ...failureOf(error) };
  throw error;
}

function failureOf({ kind, message }: Failure): { kind: string; message: string } {
  return { kind, message };
}

/** What comes of some work; `nobody` is at fault where it is done. */
export async function outcome(work: Promise<unknown>): Promise<Told> {
  return work.then(() => ({ at: "nobody", message: "" }), told);
}

/** Writes a batch as a drain does, and tells the ids of the rows that are refused. */
export async function bisect(loader: Loader, entries: readonly RowEntry[]): Promise<string[]> {
  const batch = new Bisection<RowEntry>(async (some) => (await loader.load(some)).loaded);
  const refused = await batch.write(entries);
  return refused.map(({ item }) => item.messageId);
}
