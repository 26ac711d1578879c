// Writes the JSON Schema of a mapping's file to dist/schemas/, for editors. A step of the build.
import { mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { mappingFile } from "../src/mapping/schema.ts";

if (realpathSync(process.argv[1] ?? ".") === fileURLToPath(import.meta.url)) write();

function write(): void {
  // Relative to dist/scripts, where this file runs.
  const folder = new URL("../schemas/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL("mapping.schema.json", folder), `${JSON.stringify(mappingSchema(), undefined, 2)}\n`);
}

/** JSON Schema, draft 2020-12. A default may be any JSON value. */
export function mappingSchema(): object {
  return z.toJSONSchema(mappingFile, { io: "input", unrepresentable: "any" });
}
