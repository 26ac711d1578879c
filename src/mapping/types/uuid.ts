// Pure: the type `uuid`, and the form of UUIDs.
import type { ColumnType } from "../column-type.ts";
import { Invalid, type Json } from "../mapping.ts";
import { utf8Masking } from "../utf8-masking.ts";

/** RFC 9562, section 5.9. */
export const NIL_UUID = "00000000-0000-0000-0000-000000000000";
const FORM = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Whether the text has the form of RFC 9562, section 4, in either case. */
export function isUuid(text: string): boolean {
  return text.length === NIL_UUID.length && FORM.test(text);
}

function read(value: Json): string | Invalid {
  if (typeof value !== "string") return new Invalid("not a string");
  return isUuid(value) ? value.toLowerCase() : new Invalid("not a UUID");
}

const text: ColumnType["text"] = () => read;

export const UUID: ColumnType = {
  name: "uuid",
  sqlType: "pg_catalog.uuid",
  accepted: ["uuid"],
  hasRange: false,
  text,
  masking: utf8Masking(text),
};
