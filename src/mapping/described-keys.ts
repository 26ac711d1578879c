// The keys of a mapping's file with their meanings, for the help and the documentation. Pure.
import type { z } from "zod";
import { columnFile, mappingFile } from "./schema.ts";

export interface DescribedKey {
  readonly name: string;
  /** Values and keys are between backticks. */
  readonly meaning: string;
  /** The default value as in YAML; undefined if there is none. */
  readonly standard: string | undefined;
}

export const FILE_KEYS = described(mappingFile.shape);
export const COLUMN_KEYS = described(columnFile.shape);

function described(shape: Readonly<Record<string, z.ZodType>>): readonly DescribedKey[] {
  return Object.entries(shape).map(([name, schema]) => {
    const standard: unknown = "defaultValue" in schema.def ? schema.def.defaultValue : undefined;
    const text = standard === undefined ? undefined : JSON.stringify(standard);
    return {
      name,
      meaning: schema.description ?? "",
      standard: text?.replaceAll('"', "").replaceAll(",", ", "),
    };
  });
}
