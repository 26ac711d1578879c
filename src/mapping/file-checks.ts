// Pure: contradictions between the parts of a mapping's file, which no schema can express.
import { listOf } from "./complete.ts";
import { contradictions, fieldOf } from "./column-checks.ts";
import { ENVELOPES, Invalid, type Path } from "./mapping.ts";
import { parsePath } from "./path.ts";
import type { ReadColumn } from "./schema.ts";
import { placeOf, quoted, shown } from "./shown.ts";
import type { Sound } from "./sound.ts";

/** A mistake and where it is: keys, and whether at the last key or at its value. */
export interface Finding {
  readonly path: readonly PropertyKey[];
  readonly part: "key" | "value";
  readonly sentence: string;
}

/** All contradictions in the sound part of a file. */
export function findContradictions(sound: Sound): Finding[] {
  return [
    ...columnsOf(sound).flatMap(([name, column]) =>
      contradictions(name, column, (key) => sound.isBrokenIn(name, key)).map(({ key, sentence }) =>
        finding(["columns", name, key], sentence),
      ),
    ),
    ...closedEnvelopes(sound),
    ...fieldsOfTwoForms(sound),
    ...badRecords(sound),
    ...badDedupe(sound),
  ];
}

function finding(path: readonly PropertyKey[], sentence: string, part: "key" | "value" = "value"): Finding {
  return { path, part, sentence: `${placeOf(path)}: ${sentence}` };
}

function columnsOf({ file }: Sound): [string, ReadColumn][] {
  return Object.entries(file.columns ?? {});
}

/** A path of the file, and where it stands. */
interface Placed {
  readonly path: Path;
  readonly at: readonly PropertyKey[];
  readonly part: "key" | "value";
}

function placed(given: string | readonly string[] | undefined, at: readonly PropertyKey[]): Placed[] {
  const isList = Array.isArray(given);
  return listOf(given).flatMap((text, index) => {
    const path = parsePath(text);
    return path instanceof Invalid
      ? []
      : [{ path, at: isList ? [...at, index] : at, part: "value" as const }];
  });
}

function closedEnvelopes(sound: Sound): Finding[] {
  const { envelopes, when = {}, records, dedupe } = sound.file;
  if (sound.isBroken("envelopes")) return [];
  const conditions = Object.keys(when).flatMap((text) =>
    placed(text, ["when", text]).map((each) => ({ ...each, part: "key" as const })),
  );
  const everyPath: Placed[] = [
    ...[...placed(records, ["records"]), ...conditions, ...placed(dedupe, ["dedupe"])],
    ...columnsOf(sound).flatMap(([name, { from }]) => placed(from, ["columns", name, "from"])),
  ];
  return everyPath.flatMap(({ path, at, part }) => {
    const needed = path.kind === "keys" ? ENVELOPES.find((name) => name === path.root) : undefined;
    if (needed === undefined || envelopes?.includes(needed) === true) return [];
    return [finding(at, `$${needed} is an envelope that is not opened. Add ${needed} to envelopes.`, part)];
  });
}

/** What changes the form of a value, and so its token. The other steps only find the value. */
const FORMS: readonly string[] = ["trim", "lower", "uuid"];

function fieldsOfTwoForms(sound: Sound): Finding[] {
  const first = new Map<string, readonly [name: string, column: ReadColumn]>();
  return columnsOf(sound).flatMap(([name, column]) => {
    const isSure = ["mask", "field", "type", "normalize"].every((key) => !sound.isBrokenIn(name, key));
    if (column.mask === undefined || !isSure) return [];
    const field = fieldOf(name, column);
    const other = first.get(field);
    if (other === undefined) {
      first.set(field, [name, column]);
      return [];
    }
    const difference = differenceOf(other[1], column);
    if (difference === undefined) return [];
    const at = ["columns", name, column.field === undefined ? "mask" : "field"];
    return [
      finding(
        at,
        `the columns of field ${shown(field)} differ in their ${difference}: equal values would have different tokens. Make it the same as in column ${quoted(other[0])}, or name another field.`,
      ),
    ];
  });
}

function differenceOf(one: ReadColumn, other: ReadColumn): "type" | "normalize" | undefined {
  if (one.type !== other.type) return "type";
  const forms = ({ normalize = [] }: ReadColumn): string =>
    [...new Set(normalize.filter((step) => FORMS.includes(step)))].sort().join();
  return forms(one) === forms(other) ? undefined : "normalize";
}

function badRecords({ file: { records } }: Sound): Finding[] {
  return placed(records, ["records"]).flatMap(({ path, at }) => {
    if (path.kind === "keys" && !path.text.startsWith("$record")) return [];
    const what = path.kind === "keys" ? "$record is one of the records" : `${shown(path.text)} is not a list`;
    return [
      finding(at, `${what}. Write the path of a list in the message, or $message if the body is the list.`),
    ];
  });
}

function badDedupe(sound: Sound): Finding[] {
  const { dedupe, records } = sound.file;
  const parts = placed(dedupe, ["dedupe"]).map(({ path }) => path);
  if (parts.length === 0 || sound.isBroken("records")) return [];
  if (records !== undefined && !parts.some(differsByRecord)) {
    return [
      finding(
        ["dedupe"],
        "all records of a message would have one key. Add a path of the record, or $index.",
      ),
    ];
  }
  if (parts.some(differsByMessage)) return [];
  return [
    finding(["dedupe"], "all messages would have the same keys. Add a path of the record or the message."),
  ];
}

function differsByRecord(path: Path): boolean {
  return path.kind === "keys" ? path.root === "record" : path.kind === "fact" && path.fact === "index";
}

function differsByMessage(path: Path): boolean {
  return path.kind !== "fact" || (path.fact !== "index" && path.fact !== "queue");
}
