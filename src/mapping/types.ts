// The column types by name.
import type { ColumnType } from "./column-type.ts";
import type { TypeName } from "./mapping.ts";
import { BIGINT } from "./types/bigint.ts";
import { BOOLEAN } from "./types/boolean.ts";
import { DATE } from "./types/date.ts";
import { DOUBLE } from "./types/double.ts";
import { INTEGER } from "./types/integer.ts";
import { IP } from "./types/ip.ts";
import { JSONB } from "./types/jsonb.ts";
import { NUMERIC } from "./types/numeric.ts";
import { TEXT } from "./types/text.ts";
import { TIMESTAMPTZ } from "./types/timestamptz.ts";
import { UUID } from "./types/uuid.ts";
import { VERSION_MAJOR } from "./types/version_major.ts";
import { VERSION } from "./types/version.ts";

export const COLUMN_TYPES: Readonly<Record<TypeName, ColumnType>> = {
  text: TEXT,
  integer: INTEGER,
  bigint: BIGINT,
  numeric: NUMERIC,
  double: DOUBLE,
  boolean: BOOLEAN,
  date: DATE,
  timestamptz: TIMESTAMPTZ,
  uuid: UUID,
  ip: IP,
  jsonb: JSONB,
  version: VERSION,
  version_major: VERSION_MAJOR,
};
