// Pure: the type `numeric`.
import type { ColumnType } from "../column-type.ts";
import { plainText, readDecimal } from "../decimal.ts";
import { Invalid, type Json } from "../mapping.ts";
import { utf8Masking } from "../utf8-masking.ts";

function read(value: Json): string | Invalid {
  const decimal = readDecimal(value);
  return decimal instanceof Invalid ? decimal : plainText(decimal);
}

const text: ColumnType["text"] = () => read;

export const NUMERIC: ColumnType = {
  name: "numeric",
  sqlType: "numeric",
  accepted: ["numeric"],
  hasRange: true,
  text,
  masking: utf8Masking(text),
};
