// The output of `mapping check` and `mapping try`.
import { mistakeLines } from "../../../config/mapping.ts";
import type { Mistake, ReadMapping } from "../../../mapping/file.ts";
import type { Column, Mapping } from "../../../mapping/mapping.ts";
import type { Context } from "../../context.ts";
import { writeJson } from "../../output.ts";
import { recordFields, type ShownRecord } from "../../records.ts";
import { plural, printable, styleFor } from "../../terminal/style.ts";
import { wrapLines } from "../../terminal/table.ts";

export function writeCheckedJson(
  { stdout }: Context,
  result: ReadMapping,
  warnings: readonly string[],
): void {
  const mistakes = "mistakes" in result ? result.mistakes : [];
  writeJson(stdout, { command: "mapping check", valid: mistakes.length === 0, mistakes, warnings });
}

/** One line, and the warnings. */
export function writeChecked(context: Context, mapping: Mapping, warnings: readonly string[]): void {
  const { stdout, env, log } = context;
  for (const warning of warnings) log.warn(warning);
  const { schema, name } = mapping.table;
  const masked = mapping.columns.filter(({ mask }) => mask !== undefined).length;
  const table = styleFor(stdout, env).bold(printable(`${schema}.${name}`));
  const line = `${table}: ${plural(mapping.columns.length, "column")}, ${masked} masked; no mistakes\n`;
  stdout.write(wrapLines(line, stdout.columns));
}

/** As compilers write them, so that editors find the place. */
export function writeMistakes({ stdout }: Context, file: string, mistakes: readonly Mistake[]): void {
  const lines = mistakeLines(file === "-" ? "standard input" : printable(file), mistakes);
  stdout.write(lines.map((line) => `${wrapLines(line, stdout.columns)}\n`).join(""));
}

/** One JSON line for each record. */
export function writeTried(
  { stdout }: Context,
  columns: readonly Column[],
  line: number,
  records: readonly ShownRecord[],
): void {
  for (const record of records)
    writeJson(stdout, { command: "mapping try", line, ...recordFields(columns, record) });
}
