// Pure: the part of a mapping's file in which zod found no mistake, so that contradictions in it are reported together with the mistakes.
import type { z } from "zod";
import { nearest } from "./nearest.ts";
import { columnFile, mappingFile } from "./schema.ts";

const anyPart = mappingFile.partial();
type PartialFile = z.output<typeof anyPart>;

/** What is sound of a file. */
export interface Sound {
  readonly file: PartialFile;
  /** Whether a key of the file has a mistake, or was probably meant by an unknown key. */
  readonly isBroken: (key: string) => boolean;
  /** The same for a key of a column. */
  readonly isBrokenIn: (column: string, key: string) => boolean;
}

/** @returns undefined if nothing can be said of the file */
export function soundPart(data: unknown, issues: readonly z.core.$ZodIssue[]): Sound | undefined {
  const broken = new Set(issues.flatMap((issue) => brokenBy(issue).map((path) => idOf(path))));
  const result = anyPart.safeParse(without(data, broken, []));
  if (!result.success) return undefined;
  return {
    file: result.data,
    isBroken: (key) => broken.has(idOf([key])),
    isBrokenIn: (column, key) => broken.has(idOf(["columns", column, key])),
  };
}

/** What an issue makes unusable: keys of the file, columns, keys of columns. */
function brokenBy(issue: z.core.$ZodIssue): PropertyKey[][] {
  const path = issue.path.slice(0, issue.path[0] === "columns" ? 3 : 1);
  if (issue.code !== "unrecognized_keys" || path.length !== issue.path.length) return [path];
  if (path.length === 3 || (path.length === 1 && path[0] !== "columns")) return [path];
  const known = Object.keys(path.length === 0 ? mappingFile.shape : columnFile.shape);
  return issue.keys.flatMap((key) => {
    const meant = nearest(key, known);
    return [[...path, key], ...(meant === undefined ? [] : [[...path, meant]])];
  });
}

function idOf(path: readonly PropertyKey[]): string {
  return JSON.stringify(path.map(String));
}

/** A copy of the data without what is broken. */
function without(data: unknown, broken: ReadonlySet<string>, path: readonly string[]): unknown {
  const isDeepest = path.length === 3 || (path.length === 1 && path[0] !== "columns");
  if (isDeepest || typeof data !== "object" || data === null) return data;
  const kept = Object.entries(data).filter(([key]) => !broken.has(idOf([...path, key])));
  return Object.fromEntries(kept.map(([key, value]) => [key, without(value, broken, [...path, key])]));
}
