// Pure: contradictions between the parts of a mapping's file, which no schema can express.
import { listOf } from "./complete.ts";
import { contradictions } from "./column-checks.ts";
import { ENVELOPES, Invalid, type Path } from "./mapping.ts";
import { formSteps } from "./normalize.ts";
import { parsePath } from "./path.ts";
import type { ReadColumn, ReadFile } from "./schema.ts";
import { placeOf, quoted, shown } from "./shown.ts";
import type { Sound } from "./sound.ts";
import { DEFAULTS } from "./traits.ts";

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
    ...neverMet(sound),
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

/** What columns of one field have in common. */
interface Form {
  readonly name: string;
  readonly field: string;
  readonly type: string;
  readonly normalize: string;
  /** The lengths of the prefixes; undefined if the mask is no network. */
  readonly mask: string | undefined;
}

function formOf(name: string, { type, normalize = [], mask, field = name }: ReadColumn): Form {
  const { v4, v6 } = typeof mask === "object" ? mask.network : DEFAULTS;
  return {
    ...{ name, field, type, normalize: formSteps(normalize).join() },
    mask: mask === "token" ? undefined : `${v4} ${v6}`,
  };
}

function differenceOf(one: Form, other: Form): "type" | "normalize" | "mask" | undefined {
  if (one.type !== other.type) return "type";
  if (one.normalize !== other.normalize) return "normalize";
  const areNetworks = one.mask !== undefined && other.mask !== undefined;
  return areNetworks && one.mask !== other.mask ? "mask" : undefined;
}

function fieldsOfTwoForms(sound: Sound): Finding[] {
  const earlier: Form[] = [];
  return columnsOf(sound).flatMap(([name, column]) => {
    const isSure = ["mask", "field", "type", "normalize"].every((key) => !sound.isBrokenIn(name, key));
    if (column.mask === undefined || !isSure) return [];
    const form = formOf(name, column);
    const other = earlier.find((each) => each.field === form.field && differenceOf(each, form) !== undefined);
    earlier.push(form);
    if (other === undefined) return [];
    const at = ["columns", name, column.field === undefined ? "mask" : "field"];
    return [
      finding(
        at,
        `the columns of field ${shown(form.field)} differ in their ${differenceOf(other, form)}: equal values would have different tokens. Make it the same as in column ${quoted(other.name)}, or name another field.`,
      ),
    ];
  });
}

/** Conditions on what is always a text, or always a number. */
function neverMet(sound: Sound): Finding[] {
  return Object.entries(sound.file.when ?? {}).flatMap(([text, wanted]) => {
    const path = parsePath(text);
    if (path instanceof Invalid || path.kind === "keys") return [];
    const why = whyNeverMet(path, wanted);
    return why === undefined ? [] : [finding(["when", text], why)];
  });
}

function whyNeverMet(
  path: Exclude<Path, { kind: "keys" }>,
  wanted: NonNullable<ReadFile["when"]>[string],
): string | undefined {
  const type = path.kind === "fact" && path.fact === "index" ? "number" : "string";
  const what = `${shown(path.text)} is ${type === "number" ? "a number" : "text"}`;
  if (typeof wanted !== "object" || wanted === null || Array.isArray(wanted)) {
    if (listOf(wanted).some((value) => typeof value === type)) return undefined;
    return `${what}, and equals no other value.${type === "string" ? " Quote the value." : ""}`;
  }
  if ("prefix" in wanted) return type === "string" ? undefined : `${what}, and has no prefix.`;
  return path.kind === "fact" ? `${shown(path.text)} is never missing.` : undefined;
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
