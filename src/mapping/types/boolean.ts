// Pure: the type `boolean`.
import type { ColumnType } from "../column-type.ts";
import { Invalid, type Json } from "../mapping.ts";

const CELLS: ReadonlyMap<string, string> = new Map([
  ["true", "true"],
  ["1", "true"],
  ["false", "false"],
  ["0", "false"],
]);
const MAX_LENGTH = "false".length;

/** `true`, `false`, 1 and 0, each also as text; the words in any case. */
function read(value: Json): string | Invalid {
  if (typeof value !== "object") {
    const text = String(value);
    const cell = text.length > MAX_LENGTH ? undefined : CELLS.get(text.toLowerCase());
    if (cell !== undefined) return cell;
  }
  return new Invalid("not a boolean");
}

export const BOOLEAN: ColumnType = {
  name: "boolean",
  sqlType: "boolean",
  accepted: ["boolean"],
  hasRange: false,
  text: () => read,
};
