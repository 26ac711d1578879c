// `fetch-etl init`: creates the schema and tables, or prints the SQL for it.
import { readDatabase } from "../../../config/database.ts";
import { readLoaderRole, readTable, type TableFlags } from "../../../config/table.ts";
import { readMapping, type MappingFlags } from "../../../config/mapping.ts";
import { initialSql } from "../../../postgres/init-sql.ts";
import type { Context } from "../../context.ts";
import { DATABASE, withSecrets } from "../../secrets.ts";
import { EXIT } from "../../exit-codes.ts";
import { readWait, whenReady } from "../../opening.ts";
import { writeJson } from "../../output.ts";
import { writeInitialised } from "./report.ts";

export interface InitFlags extends MappingFlags, TableFlags {
  readonly print?: boolean;
  readonly loaderRole?: string;
  readonly wait?: string;
  readonly json?: boolean;
}

/** Needs only a database, and with `--print` not even that. */
export async function runInit(flags: InitFlags, context: Context): Promise<number> {
  const { problems, clock, log } = context;
  const limits = { clock, log, started: clock.now(), waitSeconds: readWait(flags.wait, problems) };
  const print = flags.print === true;
  const mapping = await readMapping(flags, context.readFile, problems);
  const loaderRole = readLoaderRole(flags.loaderRole, problems);
  if (print) {
    const table = readTable(flags, problems, mapping.table);
    if (flags.json === true) problems.add("--print and --json cannot be used together: omit one of them.");
    problems.throwIfAny();
    context.stdout.write(initialSql(loaderRole, { table, columns: mapping.columns }));
    return EXIT.done;
  }
  if (flags.loaderRole !== undefined) problems.add("--loader-role requires --print.");
  const resolved = await withSecrets(context, problems, DATABASE);
  const { database } = problems.complete({ database: readDatabase(resolved, problems, flags, mapping) });
  const initialised = await whenReady(() => context.services.initialise(database), limits);
  const { made, present, migrated = null } = initialised;
  if (flags.json === true) writeJson(context.stdout, { command: "init", made, present, migrated });
  else writeInitialised(context, initialised);
  return EXIT.done;
}
