// Pure: prints a mapping's file.
import { Document, isMap, isSeq } from "yaml";
import type { MappingFile } from "./schema.ts";

/** `yaml`'s lines; a column has one of its own as long as it fits. */
const WIDTH = 110;

/** @returns YAML that reads back as the same mapping, a line for each column */
export function printMapping(file: MappingFile, comment: string): string {
  const document = new Document(file, { version: "1.2", aliasDuplicateObjects: false });
  document.commentBefore = comment
    .split("\n")
    .map((line) => ` ${line}`)
    .join("\n");
  for (const key of ["envelopes", "dedupe", "when", "columns"]) {
    const part = document.get(key);
    const flow = isMap(part) ? part.items.map(({ value }) => value) : [part];
    for (const node of flow) if (isMap(node) || isSeq(node)) node.flow = true;
  }
  return document.toString({ lineWidth: WIDTH });
}
