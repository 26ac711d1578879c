// The login's mapping for tests that need entries of any kind.
import { LOGIN } from "../../src/config/mapping.ts";
import { createEntryMaker, type EntryMaker, type EntrySettings } from "../../src/drain/entry.ts";
import type { Cell } from "../../src/drain/ports.ts";
import { compile } from "../../src/mapping/compile.ts";
import type { Mapping } from "../../src/mapping/mapping.ts";
import { deriveKeys } from "../../src/masking/keys.ts";

export const KEYS = deriveKeys(Buffer.alloc(32, 1));
export const QUEUE_ID = "arn:aws:sqs:us-east-1:000000000000:logins";

export function loginEntries(settings: Partial<EntrySettings> = {}): EntryMaker {
  const { keys = KEYS } = settings;
  return createEntryMaker({
    plan: compile(LOGIN, keys),
    keys,
    queueId: QUEUE_ID,
    queueName: "logins",
    now: Date.UTC(2030, 0, 1),
    randomBytes: (length) => new Uint8Array(length),
    ...settings,
  });
}

/** The cells of a row by the names of the login's columns. */
export function loginRow(cells: readonly Cell[]): Record<string, Cell> {
  return Object.fromEntries(LOGIN.columns.map(({ name }, index) => [name, cells[index] ?? null]));
}

export type ReadLogin =
  | { readonly ok: true; readonly login: Readonly<Record<string, Cell | Uint8Array>> }
  | { readonly ok: false; readonly reasons: readonly string[] };

/** Reads a body as the login's mapping does: the cells by column, with the canonical bytes in place of the tokens. */
export function readLogin(body: string, mapping: Mapping = LOGIN, sentAt = Date.UTC(2030, 0, 1)): ReadLogin {
  const reading = compile(mapping, KEYS).read({
    messageId: "m",
    sentAt,
    queue: "logins",
    body,
    attributes: {},
  });
  if (reading.kind === "rejected") return { ok: false, reasons: reading.reasons };
  const [record] = reading.kind === "records" ? reading.records : [];
  if (record === undefined || record.kind === "skipped") return { ok: false, reasons: ["skipped"] };
  if (record.kind === "rejected") return { ok: false, reasons: record.reasons };
  const bytes = new Map(record.masked.map(({ token, value }) => [token, value]));
  const cells = Object.entries(loginRow(record.cells));
  return {
    ok: true,
    login: Object.fromEntries(cells.map(([name, cell]) => [name, bytes.get(cell ?? "") ?? cell])),
  };
}
