// What the tables have, of the simulated database and of Postgres, in a form that can be compared.
import type { Sql } from "../../src/postgres/connection.ts";
import type { QuarantinedMessage } from "../../src/quarantine/message.ts";
import type { SimulatedDatabase } from "./database.ts";
import { identityOf, type World } from "./world.ts";

export interface Content {
  readonly ledger: readonly {
    readonly key: string;
    readonly idempotency: string | undefined;
    readonly run: string;
  }[];
  /** The first cell of each row. */
  readonly rows: readonly string[];
  readonly held: readonly object[];
}

/** A message of the quarantine without what must differ. */
export function shown({ queue, messageId, sentAt, reasons, records, body }: QuarantinedMessage): object {
  return { queue, messageId, sentAt, reasons, records, body: { keyId: body.keyId, bytes: [...body.bytes] } };
}

export function contentOf(model: SimulatedDatabase, world: World): Content {
  const rows = [...model.rows.keys()].map((key) => {
    const at = key.lastIndexOf(" ");
    return world.sent.get(key.slice(0, at))?.records[Number(key.slice(at))]?.id ?? key;
  });
  return {
    ledger: [...model.ledger].map(([key, { idempotency, run }]) => ({ key, idempotency, run })).sort(byKey),
    rows: rows.sort(),
    held: [...model.quarantine.values()]
      .map((held) => ({
        ...shown({ ...held, storedSentAt: "", body: held.rejection.sealed }),
        isReplayed: held.isReplayed,
      }))
      .sort(byText),
  };
}

export async function contentOfPostgres(sql: Sql): Promise<Content> {
  const ledger = await sql<
    { queue: string; sent: Date; id: string; record: number; run: string; mac: Buffer | null }[]
  >`
    select queue, sent_at as sent, message_id as id, record, run_id as run, idempotency as mac from fetch_etl.ledger`;
  const rows = await sql<{ id: string }[]>`select id from public.events`;
  const held = await sql<
    {
      queue: string;
      messageId: string;
      sent: Date;
      reasons: string[];
      records: number[] | null;
      keyId: string;
      sealed: Buffer;
      isReplayed: boolean;
    }[]
  >`
    select queue, message_id as "messageId", sent_at as sent, reasons, records, key_id as "keyId", sealed,
           replayed_at is not null as "isReplayed"
    from fetch_etl.quarantine`;
  const sentAt = (sent: Date): number | undefined => (sent.getTime() === 0 ? undefined : sent.getTime());
  return {
    ledger: ledger
      .map(({ queue, sent, id: messageId, record, run, mac }) => ({
        key: `${identityOf(queue, { messageId, sentAt: sentAt(sent) })} ${record}`,
        idempotency: mac === null ? undefined : `idempotency ${queue} ${mac.toString("hex")}`,
        run,
      }))
      .sort(byKey),
    rows: rows.map(({ id }) => id).sort(),
    held: held
      .map(({ sent, records, keyId, sealed, isReplayed, ...rest }) => ({
        ...shown({
          ...{ ...rest, sentAt: sentAt(sent), storedSentAt: "", quarantinedAt: 0 },
          ...{ records: records ?? undefined, body: { keyId, bytes: sealed } },
        }),
        isReplayed,
      }))
      .sort(byText),
  };
}

function byKey({ key: one }: { key: string }, { key: other }: { key: string }): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function byText(one: object, other: object): number {
  return byKey({ key: JSON.stringify(one) }, { key: JSON.stringify(other) });
}
