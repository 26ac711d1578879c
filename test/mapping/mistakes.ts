// Files with mistakes, for tests.
import { readMapping } from "../../src/mapping/file.ts";

/** The mistakes of a file, each as `line:column: sentence`. */
export function mistakesIn(text: string): string[] {
  const result = readMapping(text);
  if ("mapping" in result) return [];
  return result.mistakes.map(({ line, column, sentence }) => `${line}:${column}: ${sentence}`);
}

/** A file with one column `a` on line 4, whose settings begin in column 6. */
export function withColumn(settings: string): string {
  return `version: 1\ntable: public.t\ncolumns:\n  a: ${settings}\n`;
}

/** A file with a column and other keys from line 4 on. */
export function withKeys(keys: string): string {
  return `version: 1\ntable: public.t\ncolumns: { a: {} }\n${keys}\n`;
}
