// `fetch-etl mapping check`: reports all mistakes of a mapping.
import { faultOfDefault } from "../../../mapping/compile.ts";
import { readMapping } from "../../../mapping/file.ts";
import { warningsOf } from "../../../mapping/warnings.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { readMappingText } from "./text.ts";
import { writeChecked, writeCheckedJson, writeMistakes } from "./report.ts";

export interface MappingCheckFlags {
  readonly json?: boolean;
}

/** @returns the exit code */
export async function runMappingCheck(
  flags: MappingCheckFlags,
  context: Context,
  [file = ""]: readonly string[],
): Promise<number> {
  const text = await readMappingText(file, context);
  const result = readMapping(text, faultOfDefault);
  const warnings = "mapping" in result ? warningsOf(result.mapping) : [];
  if (flags.json === true) writeCheckedJson(context, result, warnings);
  else if ("mapping" in result) writeChecked(context, result.mapping, warnings);
  else writeMistakes(context, file, result.mistakes);
  return "mapping" in result ? EXIT.done : EXIT.configuration;
}
