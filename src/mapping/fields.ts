// The masked fields of a mapping: how a value outside of a message, such as one that `mask` is given, becomes canonical bytes. Pure.
import { columnMask } from "./masks.ts";
import { Invalid, type Mapping, type MaskedType } from "./mapping.ts";
import { normalizer } from "./normalize.ts";

export interface MaskedField {
  readonly type: MaskedType;
  /** Canonical bytes of a value as text; null for one that is stored as NULL. */
  readonly read: (text: string) => Uint8Array | null | Invalid;
}

/** By the name of the field's key, such as `ip` or `network/ip`. Where several columns have a field, the first counts. */
export function maskedFields(mapping: Mapping): ReadonlyMap<string, MaskedField> {
  const fields = new Map<string, MaskedField>();
  for (const column of mapping.columns) {
    const mask = columnMask(column);
    if (mask === undefined || fields.has(mask.keyName)) continue;
    const normalize = normalizer(column.normalize);
    fields.set(mask.keyName, {
      type: mask.type,
      read: (text) => {
        const value = normalize === undefined ? text : normalize(text);
        return value === null || value instanceof Invalid ? value : mask.bytes(value);
      },
    });
  }
  return fields;
}
