// What a message became, in one form for both readers.
import { createHmac, hkdfSync } from "node:crypto";
import { compile } from "../../../src/mapping/compile.ts";
import type { MappedMessage, Mapping, Reading, RecordReading } from "../../../src/mapping/mapping.ts";
import { deriveKeys } from "../../../src/masking/keys.ts";
import { readReference, readReferenceMasks, type ReferenceRecord } from "../reference.ts";
import { readJson } from "../reference/json.ts";
import { canonical } from "../reference/value.ts";

const MASTER = Buffer.alloc(32, 1);
const KEYS = deriveKeys(MASTER);

type Outcome = string | readonly (string | object)[];

/** By `src/mapping`: what became of the message, and the tokens in it. */
export function outcomeOf(mapping: Mapping, message: MappedMessage): readonly [Outcome, readonly string[]] {
  const plan = compile(mapping, KEYS);
  return [outcomeOfReading(mapping, plan.read(message)), plan.tokensIn(message)];
}

function outcomeOfReading(mapping: Mapping, reading: Reading): Outcome {
  if (reading.kind !== "records") return mapping.records === undefined ? [reading.kind] : reading.kind;
  return Array.from(reading.records, (record) =>
    record.kind === "row" ? rowOf(mapping, record) : record.kind,
  );
}

function rowOf(mapping: Mapping, row: RecordReading & { readonly kind: "row" }): object {
  const { columns } = mapping;
  return {
    cells: row.cells.map((cell, nth) =>
      columns[nth]?.type === "jsonb" && cell !== null ? canonical(readJson(cell)) : cell,
    ),
    masked: row.masked.map((each) => ({ ...each, value: Buffer.from(each.value).toString("hex") })),
    setNull: row.setNull,
    idempotency: row.idempotencyKey === undefined ? undefined : canonical(readJson(row.idempotencyKey)),
  };
}

/** By the reference. */
export function referenceOutcomeOf(mapping: Mapping, message: MappedMessage): ReturnType<typeof outcomeOf> {
  const tokens = readReferenceMasks(mapping, message).map(({ key, value }) => tokenOf(key, value));
  return [referenceReadingOf(mapping, message), tokens];
}

function referenceReadingOf(mapping: Mapping, message: MappedMessage): Outcome {
  const reading = readReference(mapping, message);
  if (typeof reading !== "string") {
    return reading.map((each) => (each.kind === "row" ? referenceRowOf(each) : each.kind));
  }
  return mapping.records === undefined ? [reading] : reading;
}

function referenceRowOf(row: ReferenceRecord & { readonly kind: "row" }): object {
  const cells = row.cells.map((cell) =>
    cell === null || typeof cell === "string"
      ? { text: cell }
      : {
          text: tokenOf(cell.key, cell.value),
          mask: { ...cell, value: Buffer.from(cell.value).toString("hex") },
        },
  );
  return {
    cells: cells.map(({ text }) => text),
    masked: cells.flatMap(({ text, mask }) =>
      mask === undefined ? [] : [{ field: mask.key, type: mask.type, token: text, value: mask.value }],
    ),
    setNull: row.setNull,
    idempotency: row.idempotency,
  };
}

const derived = new Map<string, Buffer>();

/** HKDF with an empty salt. */
function derive(info: string, bytes: number): Buffer {
  const known =
    derived.get(info) ?? Buffer.from(hkdfSync("sha256", MASTER, "", `fetch-etl/v1/${info}`, bytes));
  derived.set(info, known);
  return known;
}

function tokenOf(key: string, bytes: Uint8Array): string {
  const mac = createHmac("sha256", derive(key, 32)).update(bytes).digest("base64url");
  return `h1.${derive("kid", 6).toString("base64url")}.${mac}`;
}
