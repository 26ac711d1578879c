// Pure: the masking of types whose canonical bytes are the cell's text.
import type { Masking, ColumnType } from "./column-type.ts";
import { Invalid } from "./mapping.ts";

/** @param text the cell: the same text for equal values */
export function utf8Masking(text: ColumnType["text"]): Masking {
  return {
    bytes: (column) => {
      const read = text(column);
      return (value) => {
        const cell = read(value);
        return cell instanceof Invalid ? cell : Buffer.from(cell);
      };
    },
    spell: (canonical) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(canonical),
  };
}
