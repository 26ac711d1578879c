// Reads the text of a mapping that an argument names.
import { readNamedFile } from "../../../config/files.ts";
import type { Context } from "../../context.ts";
import { readStandardInput } from "../../input.ts";

/**
 * The text of a mapping's file.
 *
 * @param file a path, or `-` for standard input
 * @throws {Failure} `configuration` if it cannot be read, is empty or is not UTF-8
 */
export async function readMappingText(file: string, context: Context): Promise<string> {
  const { problems } = context;
  problems.throwIfAny();
  if (file === "-") return readStandardInput(context);
  const text = readNamedFile(file, "The mapping", context.readFile, problems);
  return problems.complete({ text }).text;
}
