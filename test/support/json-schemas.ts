// The JSON Schemas of the package, and which of them an output must follow.
import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

const FOLDER = new URL("../../schemas/", import.meta.url);
const EXTENSION = ".schema.json";

/** Such as `quarantine-list`. */
export const schemaNames: readonly string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith(EXTENSION))
  .map((name) => name.slice(0, -EXTENSION.length));

const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true });
const validators = new Map<string, ValidateFunction>();

function validatorOf(name: string): ValidateFunction {
  const found = validators.get(name);
  if (found !== undefined) return found;
  const schema = JSON.parse(readFileSync(new URL(`${name}${EXTENSION}`, FOLDER), "utf8")) as object;
  const made = ajv.compile(schema);
  validators.set(name, made);
  return made;
}

/** What an output has that its schema does not allow, or lacks; empty if it follows the schema. */
export function mistakesIn(output: Readonly<Record<string, unknown>>, name = nameOf(output)): string[] {
  const validate = validatorOf(name);
  return validate(output)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message ?? ""}`);
}

/** A line of `peek` names no command. */
function nameOf({ command }: Readonly<Record<string, unknown>>): string {
  return typeof command === "string" ? command.replace(" ", "-") : "peek";
}
