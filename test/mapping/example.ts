// A mapping, its paths and its messages, for the tests of this folder.
import {
  TYPES,
  type Column,
  type Fact,
  type MappedMessage,
  type Mapping,
  type Path,
  type Root,
} from "../../src/mapping/mapping.ts";
import { OpenedMessage, OpenedRecord } from "../../src/mapping/opened.ts";
import type { Structure } from "../../src/mapping/body.ts";
import type { Json } from "../../src/mapping/mapping.ts";

/** A path of keys from the record. */
export function keys(...path: readonly string[]): Path {
  return keysOf("record", ...path);
}

export function keysOf(root: Root, ...path: readonly string[]): Path {
  const text = [...(root === "record" ? [] : [`$${root}`]), ...path].join(".");
  return { kind: "keys", text, root, keys: path };
}

export function fact(name: Fact): Path {
  return { kind: "fact", text: `$${name}`, fact: name };
}

export function attribute(name: string): Path {
  return { kind: "attribute", text: `$attribute.${name}`, name };
}

/** A text column that is read from a path. */
export function column(name: string, ...from: readonly Path[]): Column {
  return {
    ...{ name, from, type: TYPES[0], min: undefined, max: undefined, unit: undefined, zone: undefined },
    ...{ keep: undefined, required: true, nullable: true, default: undefined, invalid: "reject" },
    ...{ normalize: [], mask: undefined },
  };
}

export function mapping(changed: Partial<Mapping> = {}): Mapping {
  return {
    ...{ table: { schema: "public", name: "t" }, envelopes: ["sns"], records: undefined, when: [] },
    ...{ unmatched: "quarantine", dedupe: [], columns: [column("a", keys("a"))] },
    ...changed,
  };
}

export function sent(body: unknown, attributes: Readonly<Record<string, string>> = {}): MappedMessage {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { messageId: "m-1", sentAt: 1_700_000_000_123, queue: "orders", body: text, attributes };
}

/** A record that has been opened already. */
export function opened(record: Json, message: Structure = [], index = 0): OpenedRecord {
  const of = new OpenedMessage(sent("{}"));
  of.message = message;
  return new OpenedRecord(of, record, index);
}
