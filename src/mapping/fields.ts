// The fields of a mapping: how a value outside of a message, such as one that `mask` is given, becomes canonical bytes, and what is said of a
// message without any of them. Pure.
import { columnMask, type ColumnMask } from "./masks.ts";
import { Invalid, type Column, type Mapping, type MaskedType, type Normalization } from "./mapping.ts";
import { formSteps, normalizer } from "./normalize.ts";

export interface MaskedField {
  readonly type: MaskedType;
  /** Canonical bytes of a value as it was sent, in text; null for one that is stored as NULL. */
  readonly read: (text: string) => Uint8Array | null | Invalid;
  /** The same for a value that was masked before: it is not decoded again. */
  readonly reread: MaskedField["read"];
}

/** By the name of the field's key, such as `ip` or `network/ip`. Where several columns have a field, the first counts. */
export function maskedFields(mapping: Mapping): ReadonlyMap<string, MaskedField> {
  const fields = new Map<string, MaskedField>();
  for (const column of mapping.columns) {
    const mask = columnMask(column);
    if (mask === undefined || fields.has(mask.keyName)) continue;
    fields.set(mask.keyName, {
      type: mask.type,
      read: reader(mask, column.normalize),
      reread: reader(mask, formSteps(column.normalize)),
    });
  }
  return fields;
}

/** The paths of a column, as reasons name them. */
export function pathsText({ from }: Pick<Column, "from">): string {
  return from.map(({ text }) => text).join(" or ");
}

/** The reasons of a message that has no value for any column that needs one: probably a message of another kind. */
export function missingReasons({ columns }: Pick<Mapping, "columns">): string[] {
  return columns
    .filter((column) => column.required && column.default === undefined)
    .filter(({ from }) => from.every(({ kind }) => kind !== "fact"))
    .map((column) => `${pathsText(column)}: missing`);
}

function reader(mask: ColumnMask, steps: readonly Normalization[]): MaskedField["read"] {
  const normalize = normalizer(steps);
  return (text) => {
    const value = normalize === undefined ? text : normalize(text);
    return value === null || value instanceof Invalid ? value : mask.bytes(value);
  };
}
