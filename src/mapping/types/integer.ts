// Pure: the type `integer`, and what `bigint` has in common with it.
import type { ColumnType } from "../column-type.ts";
import { plainText, readDecimal } from "../decimal.ts";
import { Invalid, type Json } from "../mapping.ts";
import { utf8Masking } from "../utf8-masking.ts";

/** @param bits the size of the type in Postgres, with the sign */
export function integerType(
  name: "integer" | "bigint",
  bits: number,
  accepted: ColumnType["accepted"],
): ColumnType {
  const limit = 2n ** BigInt(bits - 1);
  const read = (value: Json): string | Invalid => {
    const decimal = readDecimal(value);
    if (decimal instanceof Invalid) return decimal;
    if (decimal.exponent < 0) return new Invalid("not an integer");
    const plain = plainText(decimal);
    if (plain instanceof Invalid) return plain;
    const integer = BigInt(plain);
    return integer >= -limit && integer < limit ? plain : new Invalid("out of range");
  };
  const text = (): typeof read => read;
  return { name, sqlType: name, accepted, hasRange: true, text, masking: utf8Masking(text) };
}

export const INTEGER = integerType("integer", 32, ["integer", "bigint"]);
