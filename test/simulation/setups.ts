// What an operator configures: the mapping, and the list of masking keys. Both change while a world lasts.
import { compile, faultOfDefault, type Plan } from "../../src/mapping/compile.ts";
import { readMapping } from "../../src/mapping/file.ts";
import type { Mapping } from "../../src/mapping/mapping.ts";
import { deriveKeys, type MaskingKeys } from "../../src/masking/keys.ts";
import type { Fate, Shape } from "./sent.ts";

/** The masking keys of a world, oldest first. */
const ALL_KEYS = [7, 8, 9].map((byte) => deriveKeys(Buffer.alloc(32, byte)));

/** How many masking keys there are. */
export const MOST_KEYS = ALL_KEYS.length;

/**
 * Which records a mapping accepts, compared with the usual one. `first` and `only` accept as many as `more`, and find only the first record
 * of a message: in a list of one, or as the message itself. `narrow` skips what the usual one rejects. The last three are for replays.
 */
export type Accepts = "fewer" | "usual" | "more" | "first" | "only" | "narrow";

/** How such a mapping masks the column `secret`: another spelling, or another type, of a value has another token. */
const MASK_OF_SECRET: Readonly<Record<Accepts, string>> = {
  fewer: "mask: token, normalize: [lower]",
  usual: "mask: token",
  more: "mask: token, type: ip",
  first: "mask: token",
  only: "mask: token",
  narrow: "mask: token",
};

/** The type of the columns `n` and `other` in such a mapping. */
const TYPE_OF_N: Readonly<Record<Accepts, string>> = {
  fewer: "max: 1",
  usual: "type: integer",
  more: "max: 9",
  first: "max: 9",
  only: "max: 9",
  narrow: "max: 9",
};

export interface Setup {
  readonly accepts: Accepts;
  /** Whether the mapping has `dedupe`. */
  readonly dedupe: boolean;
  /** The current masking key, then the earlier ones. */
  readonly keys: readonly [MaskingKeys, ...MaskingKeys[]];
  readonly mapping: Mapping;
  readonly plan: Plan;
}

const SETUPS = new Map<string, Setup>();

/** @param keys how many of the masking keys are configured */
export function setupOf(shape: Shape, accepts: Accepts, dedupe: boolean, keys: number): Setup {
  const name = `${shape.hasRecords} ${accepts} ${dedupe} ${keys}`;
  const known = SETUPS.get(name);
  if (known !== undefined) return known;
  const [current, ...earlier] = ALL_KEYS.slice(0, keys).reverse();
  if (current === undefined) throw new Error("a world has a masking key");
  const mapping = readMappingOf(shape, accepts, dedupe);
  const plan = compile(mapping, current);
  const setup: Setup = { accepts, dedupe, keys: [current, ...earlier], mapping, plan };
  SETUPS.set(name, setup);
  return setup;
}

function readMappingOf({ hasRecords }: Shape, accepts: Accepts, dedupe: boolean): Mapping {
  const isOnly = hasRecords && accepts === "only";
  const record = isOnly ? "first.0." : "";
  const type = TYPE_OF_N[accepts];
  const text = [
    "version: 1",
    "table: public.events",
    `when: { ${record}kind: event${accepts === "narrow" ? ', other: "1"' : ""} }`,
    // The other records are no reason to skip the message.
    `unmatched: ${isOnly ? "quarantine" : "skip"}`,
    ...(hasRecords && !isOnly ? [`records: ${accepts === "first" ? "first" : "items"}`] : []),
    ...(dedupe ? [`dedupe: ${record}key`] : []),
    `columns: { id: { from: ${record}id }, secret: { from: ${record}inner.secret, ${MASK_OF_SECRET[accepts]} },`,
    `  n: { from: ${record}n, ${type} }, other: { from: ${record}other, ${type} },`,
    "  note: { from: $attribute.note, required: false, type: integer, invalid: set_null },",
    "  at: { from: $sent_at, type: timestamptz } }",
  ].join("\n");
  const read = readMapping(text, faultOfDefault);
  if (!("mapping" in read)) throw new Error(read.mistakes.map(({ sentence }) => sentence).join(" "));
  return read.mapping;
}

/** Whether a mapping makes a row of such a record. */
export function isAccepted(fate: Fate, accepts: Accepts): boolean {
  if (fate === "doubtful") return accepts !== "fewer";
  return fate !== "skipped" && (fate !== "rejected" || ACCEPT_ALL.includes(accepts));
}

const ACCEPT_ALL: readonly Accepts[] = ["more", "first", "only"];

/** Whether a mapping skips such a record. */
export function isSkipped(fate: Fate, accepts: Accepts): boolean {
  return fate === "skipped" || (fate === "rejected" && accepts === "narrow");
}
