import type { Initialised } from "../../../postgres/init.ts";
import type { Context } from "../../context.ts";
import { styleFor } from "../../terminal/style.ts";

/** A name without a dot is a schema. */
function named(name: string): string {
  return name.includes(".") ? name : `schema ${name}`;
}

/** One line; on a terminal, one line per name. */
export function writeInitialised(context: Context, { made, present, migrated }: Initialised): void {
  const { stdout, env } = context;
  const versions = migrated && `schema fetch_etl from version ${migrated.from} to ${migrated.to}`;
  if (!stdout.isTerminal) {
    const parts = [
      ...(versions === undefined ? [] : [`migrated ${versions}`]),
      made.length === 0 ? "nothing to create" : `created ${made.map(named).join(", ")}`,
      ...(present.length === 0 ? [] : [`already present: ${present.map(named).join(", ")}`]),
    ];
    stdout.write(`${parts.join("; ")}\n`);
    return;
  }
  const style = styleFor(stdout, env);
  if (versions !== undefined) stdout.write(`${style.green("migrated")}         ${versions}\n`);
  for (const name of made) stdout.write(`${style.green("created")}          ${named(name)}\n`);
  for (const name of present) stdout.write(`${style.dim("already present")}  ${named(name)}\n`);
}
