// Searches the quarantine for the values of tokens, and deletes the messages that contain them.
import { chunk } from "../drain/batches.ts";
import { createBodyOpener, createTokenReader, createValueFinder } from "../quarantine/message.ts";
import type { SoughtValue } from "../mapping/find.ts";
import type { Mapping } from "../mapping/mapping.ts";
import type { MaskingKeys } from "../masking/keys.ts";
import type { Transaction } from "./connection.ts";
import {
  BEFORE_ALL,
  exactly,
  readPage,
  SEALED_HEX,
  type MessageKey,
  type QuarantinedRow,
} from "./quarantined-message.ts";
import type { Right } from "./rights.ts";

export const TO_SEARCH: Right = {
  table: "quarantine",
  right: "select",
  columns: ["queue", "sent_at", "message_id", "key_id", "sealed"],
};
export const TO_PURGE: Right = { table: "quarantine", right: "delete" };

/** A quarantined message that contains one of the values, or has that of the request's `where`. */
export interface HoldingMessage extends MessageKey {
  /** Those of the tokens whose values it contains. */
  readonly tokens: readonly string[];
  /** Whether it has the value of the request's `where`. */
  readonly isSought: boolean;
}

/** Messages that were replayed count too, because their body is kept. */
export interface SearchResult {
  readonly found: readonly HoldingMessage[];
  /** How many messages were opened and searched. */
  readonly searched: number;
  /** Messages that are sealed under a masking key that is not configured. */
  readonly keyMissing: number;
  /** The id of such a key. */
  readonly missingKey: string | undefined;
  /** Messages that were changed after they were sealed, or are longer than `MOST_BYTES` of `quarantined-message.ts`. */
  readonly notOpened: number;
}

/** What `forget` does in the quarantine. */
export interface QuarantineRequest {
  /** The masking keys that open its bodies: those under other keys cannot be opened. */
  readonly keys: readonly MaskingKeys[];
  /** By which the values in a body are found. */
  readonly mapping: Mapping;
  /** Whether messages that contain the values are deleted. */
  readonly purge: boolean;
  /** Messages that have this value are found, and deleted, too. */
  readonly where?: SoughtValue | undefined;
  /** The only messages to delete: those that were shown before. */
  readonly shown?: readonly MessageKey[];
}

/** Messages per DELETE. */
const AT_ONCE = 10_000;

export async function searchQuarantine(
  tx: Transaction,
  tokens: ReadonlySet<string>,
  { keys, mapping, where }: Pick<QuarantineRequest, "keys" | "mapping" | "where">,
): Promise<SearchResult> {
  const keyIds = keys.map(({ keyId }) => keyId);
  const [missing] = await tx<{ messages: string; example: string | null }[]>`
    select pg_catalog.count(*) as messages, pg_catalog."left"(pg_catalog.min(key_id), 64) as example
    from fetch_etl.quarantine where key_id operator(pg_catalog.<>) all(${keyIds}::pg_catalog.text[])`;
  const open = createBodyOpener(keys);
  const tokensOf = createTokenReader(mapping, keys);
  const hasValue = where === undefined ? () => false : createValueFinder(mapping, where);
  const found: HoldingMessage[] = [];
  let [searched, notOpened] = [0, 0];
  const look = ({ storedSentAt, queue, messageId, keyId, sealed }: PageRow): void => {
    const bytes = Buffer.from(sealed ?? "", "hex");
    const opened = open({ queue, messageId, body: { keyId, bytes } });
    if (opened.outcome !== "opened") {
      notOpened += 1;
      return;
    }
    searched += 1;
    const held = [...new Set(tokensOf({ queue, messageId }, opened))].filter((token) => tokens.has(token));
    const isSought = hasValue({ queue, messageId }, opened);
    if (held.length > 0 || isSought) found.push({ storedSentAt, queue, messageId, tokens: held, isSought });
  };
  let last: MessageKey | undefined = keys.length === 0 ? undefined : BEFORE_ALL;
  while (last !== undefined) {
    const rows: readonly PageRow[] = await readPage<PageRow>(tx, last, {
      reads: "sent_at, queue, message_id, key_id, sealed",
      gives: `${exactly("sent_at")} as "storedSentAt", queue, message_id as "messageId", key_id as "keyId", ${SEALED_HEX} as sealed`,
      which: "key_id operator(pg_catalog.=) any($4::pg_catalog.text[])",
      values: [keyIds],
    });
    rows.forEach(look);
    last = rows.at(-1);
  }
  return {
    found,
    searched,
    keyMissing: Number(missing?.messages ?? 0),
    missingKey: missing?.example ?? undefined,
    notOpened,
  };
}

type PageRow = Pick<QuarantinedRow, keyof MessageKey | "keyId" | "sealed">;

/** @returns how many were deleted */
export async function deleteQuarantined(tx: Transaction, messages: readonly MessageKey[]): Promise<number> {
  let deleted = 0;
  for (const some of chunk(messages, AT_ONCE)) {
    const { count } = await tx`
      delete from fetch_etl.quarantine q using rows from (
        pg_catalog.unnest(${some.map(({ storedSentAt }) => storedSentAt)}::pg_catalog.text[]),
        pg_catalog.unnest(${some.map(({ queue }) => queue)}::pg_catalog.text[]),
        pg_catalog.unnest(${some.map(({ messageId }) => messageId)}::pg_catalog.text[])
      ) as held (sent_at, queue, message_id)
      where q.sent_at operator(pg_catalog.=) held.sent_at::pg_catalog.timestamptz
        and q.queue operator(pg_catalog.=) held.queue and q.message_id operator(pg_catalog.=) held.message_id`;
    deleted += count;
  }
  return deleted;
}
