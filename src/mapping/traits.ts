// What a column of each type may have, and what a file need not say, as data.
import type { Normalization, TypeName } from "./mapping.ts";

export interface Traits {
  /** Whether `min` and `max` count its characters. */
  readonly length: boolean;
  /** Whether it is a time, so that `unit` and `zone` mean something. */
  readonly time: boolean;
  /** Whether `keep` chooses parts of it. */
  readonly parts: boolean;
  readonly normalize: readonly Normalization[];
  readonly mask: readonly ("token" | "network")[];
}

const NONE: Traits = { length: false, time: false, parts: false, normalize: [], mask: [] };
const TEXT = ["trim", "lower", "uuid", "url_decode", "empty", "nil"] as const;

export const TRAITS: Readonly<Record<TypeName, Traits>> = {
  text: { ...NONE, length: true, normalize: TEXT, mask: ["token"] },
  integer: { ...NONE, mask: ["token"] },
  bigint: { ...NONE, mask: ["token"] },
  numeric: { ...NONE, mask: ["token"] },
  double: NONE,
  boolean: NONE,
  date: { ...NONE, time: true, mask: ["token"] },
  timestamptz: { ...NONE, time: true },
  uuid: { ...NONE, normalize: TEXT, mask: ["token"] },
  ip: { ...NONE, normalize: ["first", "last"], mask: ["token", "network"] },
  jsonb: { ...NONE, parts: true, normalize: ["decode"] },
  version: NONE,
  version_major: NONE,
};

/** What a file need not say. */
export const DEFAULTS = {
  envelopes: ["sns"],
  unmatched: "quarantine",
  type: "text",
  required: true,
  nullable: true,
  invalid: "reject",
  v4: 24,
  v6: 48,
} as const;
