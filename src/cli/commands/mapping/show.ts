// `fetch-etl mapping show`: prints the built-in mapping.
import { LOGIN } from "../../../mapping/login.ts";
import { printMapping } from "../../../mapping/print.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";

const COMMENT = "The built-in mapping of fetch-etl. Check a changed copy: fetch-etl mapping check FILE";

/** @returns the exit code */
export function runMappingShow(_flags: object, { stdout, problems }: Context): number {
  problems.throwIfAny();
  stdout.write(printMapping(LOGIN, COMMENT));
  return EXIT.done;
}
