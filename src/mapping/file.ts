// Pure: reads a mapping's file, or tells all of its mistakes.
import { complete, completeColumn } from "./complete.ts";
import { readDocument, type Content, type Mistake } from "./document.ts";
import { findContradictions } from "./file-checks.ts";
import { mistakesOf } from "./issues.ts";
import type { Column, Mapping } from "./mapping.ts";
import { mappingFile } from "./schema.ts";
import { found, placeOf } from "./shown.ts";
import { soundPart, type Sound } from "./sound.ts";

export type { Mistake } from "./document.ts";

/** Why a column's default is no value of its type; undefined if it is one. */
export type DefaultCheck = (column: Column) => string | undefined;

export type ReadMapping = { readonly mapping: Mapping } | { readonly mistakes: readonly Mistake[] };

/** A file with more is the wrong file. */
const MOST_MISTAKES = 100;

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
  const result = mappingFile.safeParse(content.data);
  const sound = soundPart(content.data, result.error?.issues ?? []);
  const mistakes = [
    ...content.mistakes,
    ...mistakesOf(result.error?.issues ?? [], content),
    ...(sound === undefined ? [] : contradictionsOf(sound, content, checkDefault)),
  ];
  if (!result.success || mistakes.length > 0) return { mistakes: inOrder(mistakes) };
  return { mapping: complete(result.data) };
}

function contradictionsOf(sound: Sound, content: Content, checkDefault: DefaultCheck): Mistake[] {
  const contradictions = findContradictions(sound);
  const contradictory = new Set(contradictions.map(({ path }) => path[1]));
  const columns = Object.entries(sound.file.columns ?? {}).filter(([name, column]) => {
    const isSure = !Object.keys(column).some((key) => sound.isBrokenIn(name, key));
    return column.default !== undefined && isSure && !contradictory.has(name);
  });
  const defaults = columns.flatMap(([name, column]) => {
    const path = ["columns", name, "default"];
    const reason = checkDefault(completeColumn(name, column));
    return reason === undefined
      ? []
      : [
          content.mistakeAt(
            path,
            "value",
            `${placeOf(path)}: ${found(column.default)} is not possible: ${reason}.`,
          ),
        ];
  });
  return [
    ...contradictions.map(({ path, part, sentence }) => content.mistakeAt(path, part, sentence)),
    ...defaults,
  ];
}

/** By place, one for each, as far as a reader reads them. */
function inOrder(mistakes: readonly Mistake[]): readonly Mistake[] {
  const byPlace = new Map<string, Mistake>();
  for (const mistake of mistakes) {
    const place = `${mistake.line}:${mistake.column}`;
    if (!byPlace.has(place)) byPlace.set(place, mistake);
  }
  const sorted = [...byPlace.values()].sort(
    (one, other) => one.line - other.line || one.column - other.column,
  );
  const next = sorted[MOST_MISTAKES];
  if (next === undefined) return sorted;
  const more = sorted.length - MOST_MISTAKES;
  return [
    ...sorted.slice(0, MOST_MISTAKES),
    { ...next, sentence: `There are ${more} mistakes from here on.` },
  ];
}
