// Resolves secrets with files, programs and stores in memory.
import type { ProgramEnd, Services } from "../../src/cli/context.ts";
import { withSecrets } from "../../src/cli/secrets.ts";
import { Problems } from "../../src/config/readers.ts";
import type { Reference } from "../../src/config/secret-reference.ts";
import { SECRET_SETTINGS, type SecretSetting } from "../../src/config/secret-settings.ts";
import { sourcesOf } from "./sources.ts";

/** What is outside the process. A secret is identified by its ARN, or by the text after `kms:`. */
export interface Outside {
  readonly readFile?: (path: string) => string;
  readonly fetch?: (id: string, reference: Reference) => string | Promise<string>;
  readonly run?: (words: readonly string[], env: NodeJS.ProcessEnv) => ProgramEnd;
}

function idOf(reference: Reference): string {
  return reference.service === "kms" ? reference.ciphertext : reference.arn;
}

/** The part of a context that `withSecrets` needs. */
export function secretContext(env: NodeJS.ProcessEnv, { readFile, fetch, run }: Outside = {}) {
  const outside: Partial<Services> = {
    fetchSecret: async (reference) => {
      if (fetch === undefined) throw new Error("nothing is fetched here");
      return await fetch(idOf(reference), reference);
    },
    runProgram: (words, childEnv) =>
      run === undefined
        ? Promise.reject(new Error("no program runs here"))
        : Promise.resolve(run(words, childEnv)),
  };
  const sources = sourcesOf(env);
  return {
    ...sources,
    env,
    readFile: readFile ?? sources.readFile,
    services: outside as Services,
    atExit: () => () => undefined,
  };
}

/** The sources with their secrets, for a reader; mistakes are added to `problems`. */
export function resolved(
  env: NodeJS.ProcessEnv,
  outside: Outside = {},
  problems = new Problems(),
  names: readonly SecretSetting[] = SECRET_SETTINGS,
) {
  return withSecrets(secretContext(env, outside), problems, names);
}
