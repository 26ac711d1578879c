// Reads the names of the target table and of the loader role.
import type { TableName } from "../mapping/mapping.ts";
import type { Problems } from "./readers.ts";

export type { TableName };

export interface TableFlags {
  readonly table?: string;
}

export const DEFAULT_TABLE: TableName = { schema: "public", name: "user_logins" };

/** The configured table, or the mapping's without one; a mistake is added to `problems`, and the mapping's returned. */
export function readTable(
  flags: TableFlags,
  env: NodeJS.ProcessEnv,
  problems: Problems,
  ofMapping: TableName = DEFAULT_TABLE,
): TableName {
  const given = flags.table ?? env["FETCH_ETL_TABLE"] ?? "";
  if (given === "" && flags.table === undefined) return ofMapping;
  const [schema = "", name = "", ...more] = given.split(".");
  if (more.length > 0 || !isName(schema) || !isName(name)) {
    problems.add(
      `--table / FETCH_ETL_TABLE takes a schema and a name, as in public.user_logins, each of 1 to ` +
        `${MOST_NAME_BYTES} bytes, without quotes and control characters.`,
    );
    return ofMapping;
  }
  if (/^(fetch_etl|information_schema|pg_.*)$/.test(schema)) {
    problems.add(
      "--table / FETCH_ETL_TABLE names a schema that is reserved for fetch-etl or Postgres. Choose another one.",
    );
  }
  return { schema, name };
}

function isName(text: string): boolean {
  return isPostgresName(text) && !text.includes('"');
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

/** Postgres truncates a longer name. */
const MOST_NAME_BYTES = 63;

/** Whether the text is a valid name in Postgres, if quoted, and is safe to print. */
function isPostgresName(text: string): boolean {
  const bytes = Buffer.byteLength(text);
  return bytes > 0 && bytes <= MOST_NAME_BYTES && !/\p{Cc}/u.test(text) && text.isWellFormed();
}

const DEFAULT_ROLE = "fetch_etl_loader";

/** The role's name; a mistake is added to `problems`. `public` means every role, even quoted. */
export function readLoaderRole(flag: string | undefined, problems: Problems): string {
  const role = flag ?? DEFAULT_ROLE;
  if (!isPostgresName(role)) {
    problems.add(
      `--loader-role takes a role's name of 1 to ${MOST_NAME_BYTES} bytes, without control characters.`,
    );
  } else if (/^(public|none|pg_.*)$/.test(role)) {
    problems.add("--loader-role names a role that is reserved for Postgres. Choose another name.");
  }
  return role;
}
