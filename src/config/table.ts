// Reads the names of the target table and of the loader role.
import type { TableName } from "../mapping/mapping.ts";
import { isName, MOST_NAME_BYTES, whyNoTable } from "../mapping/names.ts";
import type { Problems } from "./readers.ts";

export type { TableName };

export interface TableFlags {
  readonly table?: string;
}

export const DEFAULT_TABLE: TableName = { schema: "public", name: "user_logins" };

/** The table of the flag, or the mapping's without one; a mistake is added to `problems`, and the mapping's returned. */
export function readTable(
  { table: given }: TableFlags,
  problems: Problems,
  ofMapping: TableName = DEFAULT_TABLE,
): TableName {
  if (given === undefined) return ofMapping;
  const fault = whyNoTable(given);
  if (fault !== undefined) {
    problems.add(`--table / FETCH_ETL_TABLE: ${fault}.`);
    return ofMapping;
  }
  const [schema = "", name = ""] = given.split(".");
  return { schema, name };
}

/** The table for messages: `user_logins`, or another table with its schema. */
export function tableText({ schema, name }: TableName): string {
  return schema === DEFAULT_TABLE.schema && name === DEFAULT_TABLE.name
    ? name
    : qualifiedTable({ schema, name });
}

/** The table for reports that programs read: always with its schema. */
export function qualifiedTable({ schema, name }: TableName): string {
  return `${schema}.${name}`;
}

const DEFAULT_ROLE = "fetch_etl_loader";

/** The role's name; a mistake is added to `problems`. `public` means every role, even quoted. */
export function readLoaderRole(flag: string | undefined, problems: Problems): string {
  const role = flag ?? DEFAULT_ROLE;
  if (!isName(role)) {
    problems.add(
      `--loader-role takes a role's name of 1 to ${MOST_NAME_BYTES} bytes, without control characters.`,
    );
  } else if (/^(public|none|pg_.*)$/.test(role)) {
    problems.add("--loader-role names a role that is reserved for Postgres. Choose another name.");
  }
  return role;
}
