// Resolves the settings that are secrets before they are read: from files, programs and AWS. A command resolves only those that it
// needs, and each of them once.
import { splitCommand } from "../config/command-words.ts";
import { readNamedFile } from "../config/files.ts";
import { Problems } from "../config/readers.ts";
import { readIdentityFile } from "../config/recovery.ts";
import { parseReference } from "../config/secret-reference.ts";
import { Secret } from "../config/secret.ts";
import type { SecretSetting } from "../config/secret-settings.ts";
import type { Sources } from "../config/sources.ts";
import { Failure, printable } from "../failure.ts";
import type { Context, ProgramEnd } from "./context.ts";
import { OWN_SECRETS } from "./environment.ts";
import { cleaned, mistake, SecretReader, type SecretPlace } from "./secret-reader.ts";

export const MASKING_KEY: readonly SecretSetting[] = ["FETCH_ETL_MASKING_KEY"];
export const DATABASE: readonly SecretSetting[] = ["DATABASE_URL", "PGPASSWORD"];

type SecretContext = Pick<Context, "env" | "readFile" | "services" | "atExit">;

/** A context whose environment contains the secrets. */
type WithSecrets<C> = C &
  Pick<Sources, "secrets" | "renewed"> & { readonly resolved: readonly ResolvedSecret[] };

/**
 * Puts the values of these settings into the environment. Mistakes are added to `problems`.
 *
 * @param region of KMS, for what it encrypted; undefined to let the AWS SDK determine it
 */
export async function withSecrets<C extends SecretContext & Omit<Sources, "secrets">>(
  context: C,
  problems: Problems,
  names: readonly SecretSetting[],
  region?: string,
): Promise<WithSecrets<C>> {
  const env = { ...context.env };
  const origins: Partial<Record<SecretSetting, string>> = {};
  const failed = new Set<SecretSetting>();
  let isElsewhere = false;
  const resolved = await resolveSecrets(context, names, region);
  for (const found of resolved) {
    const { name, place } = found;
    isElsewhere ||= DATABASE.includes(name) && place.kind !== "variable";
    if ("failure" in found) {
      failed.add(name);
      problems.add(found.failure.message, found.failure.kind);
      continue;
    }
    env[name] = found.text;
    origins[name] = place.origin;
    if (found.user !== undefined && (env["PGUSER"] ?? "") === "") env["PGUSER"] = found.user;
  }
  const renewed = async (): Promise<Sources> => {
    const again = new Problems();
    const found = await withSecrets(context, again, DATABASE, region);
    again.throwIfAny();
    return found;
  };
  const secrets = { origins, failed };
  return { ...context, env, secrets, renewed: isElsewhere ? renewed : undefined, resolved };
}

/** A setting with a value, or with a failure to read it. */
export type ResolvedSecret = { readonly name: SecretSetting; readonly place: SecretPlace } & (
  | {
      readonly text: string;
      /** The user of a database that came with its password. */
      readonly user?: string | undefined;
    }
  | { readonly failure: Failure }
);

/** The settings among these that are set, in this order. */
async function resolveSecrets(
  context: SecretContext,
  names: readonly SecretSetting[],
  region: string | undefined,
): Promise<readonly ResolvedSecret[]> {
  const fetched = new Map<string, Promise<string>>();
  const found = await Promise.all(names.map((name) => resolve(name, context, region, fetched)));
  return found.filter((each) => each !== undefined);
}

async function resolve(
  name: SecretSetting,
  context: SecretContext,
  region: string | undefined,
  fetched: Map<string, Promise<string>>,
): Promise<ResolvedSecret | undefined> {
  const set = [name, `${name}_FILE`, `${name}_COMMAND`].filter(
    (variable) => (context.env[variable] ?? "") !== "",
  );
  const [variable, other] = set;
  if (variable === undefined) return undefined;
  const place = placeOf(variable, name, context.env);
  try {
    if (other !== undefined) throw mistake(`Both ${variable} and ${other} are set. Unset one of them.`);
    const text = await textAt(place, variable, context);
    const reader = new SecretReader({ name, place, services: context.services, region, fetched });
    const value = await reader.read(place.kind === "variable" ? text : cleaned(name, text));
    return { name, place: reader.place, ...value };
  } catch (error) {
    if (error instanceof Failure) return { name, place, failure: error };
    throw error;
  }
}

function placeOf(variable: string, name: SecretSetting, env: NodeJS.ProcessEnv): SecretPlace {
  if (variable === `${name}_FILE`)
    return { kind: "file", origin: `the file that ${variable} names`, file: env[variable] };
  if (variable === `${name}_COMMAND`) return { kind: "program", origin: `the output of ${variable}` };
  return { kind: "variable", origin: name };
}

async function textAt(place: SecretPlace, variable: string, context: SecretContext): Promise<string> {
  const { env, readFile } = context;
  switch (place.kind) {
    case "file": {
      const problems = new Problems();
      const text = readNamedFile(place.file ?? "", variable, readFile, problems);
      return problems.complete({ text }).text;
    }
    case "program":
      return outputOf(variable, context);
    case "variable":
    case "reference":
      return env[variable] ?? "";
  }
}

async function outputOf(variable: string, { env, services, atExit }: SecretContext): Promise<string> {
  const command = splitCommand(env[variable] ?? "");
  if (!command.ok) throw mistake(`${variable} ${command.why}.`);
  const ownEnv = { ...env };
  for (const secret of OWN_SECRETS) Reflect.deleteProperty(ownEnv, secret);
  const end = await services.runProgram(command.words, ownEnv, atExit);
  if (end.kind !== "output") throw mistake(`${variable}: ${whyNoOutput(end)}`);
  const text = utf8(end.bytes);
  if (text === undefined) throw mistake(`${variable}: the output of the program is not UTF-8 text.`);
  if (text.trim() === "") throw mistake(`${variable}: the program printed nothing.`);
  return text;
}

/** Quotes no part of the command, because its arguments may contain a secret. */
function whyNoOutput(end: Exclude<ProgramEnd, { kind: "output" }>): string {
  switch (end.kind) {
    case "failed":
      return `the program ended with ${end.by}. Its error output is above.`;
    case "too slow":
      return "the program did not end within 30 seconds, and was stopped. It must not wait for input.";
    case "too long":
      return "the program printed more than 64 KiB, and was stopped. It must print only the value.";
    case "not started":
      return end.errno === "ENOENT"
        ? "the program was not found (ENOENT). Check its name, and PATH: cron has a short one."
        : `the program cannot be executed (${end.errno}). Check its permissions, and its first line if it is a script.`;
  }
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

/**
 * Reads an identity file, and decrypts it with KMS if necessary.
 *
 * @returns undefined, with the mistake added to `problems`, if it cannot be read or decrypted
 */
export async function readIdentity(
  path: string,
  { readFile, services }: Pick<Context, "readFile" | "services">,
  problems: Problems,
): Promise<Secret | undefined> {
  const file = readIdentityFile(path, readFile, problems);
  const reference = file === undefined ? undefined : parseReference(file.reveal().trim());
  if (file === undefined || reference === undefined) return file;
  const setting = `--identity: the file ${printable(path)}`;
  if (reference.kind !== "encrypted") {
    const why =
      reference.kind === "invalid" ? reference.why : "contains an ARN, which is not supported there";
    problems.add(`${setting} ${why}.`);
    return undefined;
  }
  try {
    const { ciphertext } = reference;
    const encrypted = { service: "kms", ciphertext, purpose: "identity", region: undefined } as const;
    return new Secret(await services.fetchSecret(encrypted, "--identity"));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    problems.add(error.message, error.kind);
    return undefined;
  }
}
