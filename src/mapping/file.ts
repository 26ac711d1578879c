// Pure: reads a mapping's file, or tells all of its mistakes.
import { complete, completeColumn } from "./complete.ts";
import { readDocument, type Content, type Mistake } from "./document.ts";
import { findContradictions } from "./file-checks.ts";
import { isOtherFile, mistakesOf } from "./issues.ts";
import type { Column, Mapping } from "./mapping.ts";
import { mappingFile } from "./schema.ts";
import { placeOf } from "./shown.ts";
import { soundPart, type Sound } from "./sound.ts";

export type { Mistake } from "./document.ts";

/** Why a column's default is no value of its type; undefined if it is one. */
export type DefaultCheck = (column: Column) => string | undefined;

export type ReadMapping = { readonly mapping: Mapping } | { readonly mistakes: readonly Mistake[] };

/** A file with more is the wrong file. */
const MOST_MISTAKES = 100;

const OTHER_FILE = "This is not a mapping: it has none of the keys version, table and columns.";

/**
 * Reads a mapping's file: one YAML 1.2 document.
 *
 * @param text at most 1 MiB in UTF-8
 * @param checkDefault reads a default as a value of its column
 * @returns the mapping, or at least one mistake, in the order of the file
 */
export function readMapping(text: string, checkDefault: DefaultCheck = () => undefined): ReadMapping {
  const content = readDocument(text);
  if (content.data === undefined) return { mistakes: inOrder(content.mistakes) };
  if (isOtherFile(content.data)) {
    return { mistakes: inOrder(content.mistakes, [content.mistakeAt([], "value", OTHER_FILE)]) };
  }
  const result = mappingFile.safeParse(content.data);
  const issues = result.error?.issues ?? [];
  const sound = soundPart(content.data, issues);
  const contradictory = sound === undefined ? [] : contradictionsOf(sound, content, checkDefault);
  const mistakes = inOrder(content.mistakes, mistakesOf(issues, content), contradictory);
  return result.success && mistakes.length === 0 ? { mapping: complete(result.data) } : { mistakes };
}

function contradictionsOf(sound: Sound, content: Content, checkDefault: DefaultCheck): Mistake[] {
  const found = findContradictions(sound);
  const contradictory = new Set(found.flatMap(({ path }) => (path[0] === "columns" ? [path[1]] : [])));
  const columns = Object.entries(sound.file.columns ?? {}).filter(([name, column]) => {
    const isSure = !Object.keys(column).some((key) => sound.isBrokenIn(name, key));
    return column.default !== undefined && isSure && !contradictory.has(name);
  });
  const defaults = columns.flatMap(([name, column]) => {
    const path = ["columns", name, "default"];
    const reason = checkDefault(completeColumn(name, column));
    const sentence = `${placeOf(path)}: this value would be rejected: ${reason}.`;
    return reason === undefined ? [] : [content.mistakeAt(path, "value", sentence)];
  });
  return [...found.map(({ path, part, sentence }) => content.mistakeAt(path, part, sentence)), ...defaults];
}

/**
 * By place, as far as a reader reads them. At one place, the mistakes of an earlier source are the cause of those of a later one.
 *
 * @param sources several mistakes of one source may be at one place, such as those of missing keys
 */
function inOrder(...sources: readonly (readonly Mistake[])[]): readonly Mistake[] {
  const byPlace = new Map<string, readonly Mistake[]>();
  for (const source of sources) {
    const earlier = new Set(byPlace.keys());
    for (const mistake of source) {
      const place = `${mistake.line}:${mistake.column}`;
      const others = byPlace.get(place) ?? [];
      const isTold = earlier.has(place) || others.some(({ sentence }) => sentence === mistake.sentence);
      if (!isTold) byPlace.set(place, [...others, mistake]);
    }
  }
  const sorted = [...byPlace.values()]
    .flat()
    .sort((one, other) => one.line - other.line || one.column - other.column);
  const next = sorted[MOST_MISTAKES];
  if (next === undefined) return sorted;
  const more = sorted.length - MOST_MISTAKES;
  return [
    ...sorted.slice(0, MOST_MISTAKES),
    { ...next, sentence: `There are ${more} mistakes from here on.` },
  ];
}
