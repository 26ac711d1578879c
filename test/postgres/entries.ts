// Entries as drains make them, and what becomes of one that is loaded: for tests of the loader's statements.
import { randomBytes } from "node:crypto";
import { LOGIN } from "../../src/config/mapping.ts";
import { Bisection } from "../../src/drain/bisection.ts";
import type { EntryMaker, Item } from "../../src/drain/entry.ts";
import {
  DatabaseLost,
  RowRefused,
  StatementCancelled,
  WHOLE_MESSAGE,
  type Entry,
  type Loader,
  type RejectionEntry,
  type RowEntry,
  type SealedValue,
  type SentMessage,
} from "../../src/drain/ports.ts";
import { Failure } from "../../src/failure.ts";
import { compile } from "../../src/mapping/compile.ts";
import { maskedFields } from "../../src/mapping/fields.ts";
import type { DatabaseSettings } from "../../src/config/database.ts";
import type { MaskingKeys } from "../../src/masking/keys.ts";
import type { QuarantineRequest } from "../../src/postgres/search.ts";
import { openVault } from "../../src/postgres/vault.ts";
import type { ReplaySettings } from "../../src/quarantine/replay.ts";
import type { Opener } from "../../src/recovery/identities.ts";
import type { Sealer } from "../../src/recovery/recipients.ts";
import type { SealedEntry } from "../../src/recovery/reveal.ts";
import { createRemask, type Remask } from "../../src/recovery/remask.ts";

const SENT_AT = Date.UTC(2026, 6, 3);

/** The values of a login's row. */
export type LoginColumns = Readonly<
  Record<
    "user_id" | "device_type" | "masked_ip" | "masked_device_id" | "locale" | "create_date",
    string | null
  >
> & { readonly app_version: number | null };

/** A login of which only the user is known. */
export function row(
  messageId: string,
  columns: Partial<LoginColumns> = {},
  more: Partial<RowEntry> = {},
): RowEntry {
  const login = new Map(
    Object.entries<string | number | null>({ user_id: messageId, create_date: "2026-07-03", ...columns }),
  );
  return {
    kind: "row",
    messageId,
    sentAt: SENT_AT,
    record: 0,
    bodyMac: "00".repeat(16),
    cells: LOGIN.columns.map(({ name }) => login.get(name)?.toString() ?? null),
    sealed: [],
    ...more,
  };
}

export function rejection(messageId: string, more: Partial<RejectionEntry> = {}): RejectionEntry {
  const sealed = { keyId: "AAAAAAAA", bytes: Buffer.from(`sealed ${messageId}`) };
  return {
    kind: "rejection",
    messageId,
    sentAt: SENT_AT,
    record: WHOLE_MESSAGE,
    bodyMac: "00".repeat(16),
    rejection: { reasons: ["ip: not an IP address"], sealed },
    ...more,
  };
}

/** A login whose address the vault keeps. */
export function rowWithIp(messageId: string, token: string, value = "sealed"): RowEntry {
  return row(messageId, { masked_ip: token }, { sealed: [sealedValue("ip", token, value)] });
}

export function sealedValue(field: "ip" | "device_id", token: string, value: string): SealedValue {
  return { field, type: field === "ip" ? "ip" : "text", token, sealed: Buffer.from(value) };
}

/** What a drain writes for a message that is one record. */
export function itemOf(maker: EntryMaker, message: SentMessage): Item {
  const [item] = maker.items(message);
  if (item === undefined) throw new Error("a message without an item");
  return item;
}

export function entryOf(maker: EntryMaker, message: SentMessage): Entry {
  const { entry } = itemOf(maker, message);
  if (entry === undefined) throw new Error("a message without an entry");
  return entry;
}

/** For a replay of logins. */
export function replaySettings(keys: MaskingKeys, sealer?: Sealer): ReplaySettings {
  return { plan: compile(LOGIN, keys), keys, randomBytes, sealer };
}

/** From the second key to the first. */
export function loginRemask(opener: Opener, keys: readonly [MaskingKeys, MaskingKeys]): Remask {
  return createRemask({ opener, keys, fields: maskedFields(LOGIN), randomBytes });
}

/** For `forget`: the vault alone. */
/** Entries of the vault as `reveal` reads them, on record, and still sealed. */
export async function readVault(
  settings: DatabaseSettings,
  tokens: readonly string[],
  reason: string,
): Promise<readonly SealedEntry[]> {
  let read: readonly SealedEntry[] = [];
  await openVault(settings).read(tokens, reason, (entries) => {
    read = entries;
    return Promise.resolve({ ok: true, values: [] });
  });
  return read;
}

export const NO_SEARCH: QuarantineRequest = { keys: [], mapping: LOGIN, purge: false };

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
