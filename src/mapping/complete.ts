// Pure: the content of a mapping's file, with all defaults filled in. Loads neither YAML nor zod, so that the built-in mapping needs neither.
import {
  Invalid,
  type Column,
  type Condition,
  type MaskName,
  type Mapping,
  type Path,
  type TableName,
} from "./mapping.ts";
import { keyPath, parsePath } from "./path.ts";
import type { ColumnFile, MappingFile } from "./schema.ts";
import { DEFAULTS } from "./traits.ts";

/**
 * @param file has passed all checks
 * @throws where it has not
 */
export function complete(file: MappingFile): Mapping {
  return {
    table: tableOf(file.table),
    envelopes: file.envelopes ?? DEFAULTS.envelopes,
    records: file.records === undefined ? undefined : recordsPath(file.records),
    when: Object.entries(file.when ?? {}).map(([path, wanted]) => ({
      path: pathOf(path),
      test: testOf(wanted),
    })),
    unmatched: file.unmatched ?? DEFAULTS.unmatched,
    dedupe: listOf(file.dedupe).map(pathOf),
    columns: Object.entries(file.columns).map(([name, column]) => completeColumn(name, column)),
  };
}

/** One column, as {@link complete} does it. */
export function completeColumn(name: string, column: ColumnFile): Column {
  return {
    name,
    from: column.from === undefined ? [keyPath(name)] : listOf(column.from).map(pathOf),
    type: column.type ?? DEFAULTS.type,
    min: column.min,
    max: column.max,
    unit: column.unit,
    zone: column.zone === undefined ? undefined : minutesOf(column.zone),
    keep: column.keep?.map(keysOf),
    required: column.required ?? DEFAULTS.required,
    nullable: column.nullable ?? DEFAULTS.nullable,
    default: column.default,
    invalid: column.invalid ?? DEFAULTS.invalid,
    normalize: column.normalize ?? [],
    mask: column.mask === undefined ? undefined : maskOf(column.mask, column.field ?? name),
  };
}

export function listOf<T>(given: T | readonly T[] | undefined): readonly T[] {
  if (given === undefined) return [];
  return isList(given) ? given : [given];
}

function isList<T>(given: T | readonly T[]): given is readonly T[] {
  return Array.isArray(given);
}

function tableOf(text: string): TableName {
  const [schema = "", name = ""] = text.split(".");
  return { schema, name };
}

function pathOf(text: string): Path {
  const path = parsePath(text);
  if (path instanceof Invalid) throw new Error("A path of a mapping was not checked.");
  return path;
}

/** The list is looked for in the message, which is no record yet. */
function recordsPath(text: string): Path {
  const path = pathOf(text);
  return path.kind === "keys" && path.root === "record" ? { ...path, root: "message" } : path;
}

function keysOf(text: string): readonly string[] {
  const path = pathOf(text);
  return path.kind === "keys" ? path.keys : [];
}

function testOf(wanted: NonNullable<MappingFile["when"]>[string]): Condition["test"] {
  if (typeof wanted !== "object" || wanted === null) return { kind: "equals", values: [wanted] };
  if (Array.isArray(wanted)) return { kind: "equals", values: wanted };
  return "prefix" in wanted ? { kind: "prefix", prefix: wanted.prefix } : { kind: "missing" };
}

/** `UTC` or `+05:30`, in minutes east of UTC. */
function minutesOf(zone: string): number {
  const [, sign = "+", hours = "0", minutes = "0"] = /^([+-])(\d\d):(\d\d)$/.exec(zone) ?? [];
  const size = Number(hours) * 60 + Number(minutes);
  return sign === "-" && size > 0 ? -size : size;
}

function maskOf(mask: NonNullable<ColumnFile["mask"]>, field: string): MaskName {
  if (mask === "token") return { kind: "token", field };
  const { v4, v6 } = mask === "network" ? {} : mask.network;
  return { kind: "network", field, v4: v4 ?? DEFAULTS.v4, v6: v6 ?? DEFAULTS.v6 };
}
