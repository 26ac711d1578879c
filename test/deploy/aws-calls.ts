// The AWS calls that the code can make, found in its source text, as the IAM actions that allow them.
import { readdirSync, readFileSync } from "node:fs";

const SRC = new URL("../../src/", import.meta.url);

/** By the SDK's package, the prefix of the service's actions (AWS, "Service Authorization Reference"). */
const PREFIXES: Readonly<Record<string, string>> = {
  "client-sqs": "sqs",
  "client-secrets-manager": "secretsmanager",
  "client-ssm": "ssm",
  "client-kms": "kms",
};
/** Makes no call: RDS checks this action when the token that it signs is used. */
const SIGNER = { package: "rds-signer", action: "rds-db:connect" } as const;

/** The action for one message allows a batch too (AWS, AddPermission: "also grants permissions for the corresponding batch versions"). */
export function actionOf(prefix: string, call: string): string {
  return `${prefix}:${call.replace(/Batch$/, "")}`;
}

/** The actions of every call in src/. */
export async function actionsOfCode(): Promise<ReadonlySet<string>> {
  const paths = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".ts"),
  );
  const actions = await Promise.all(paths.map((path) => actionsOf(readFileSync(new URL(path, SRC), "utf8"))));
  return new Set(actions.flat());
}

/**
 * The actions of the calls in a source file. A call is a command of the SDK, or the name of one, which {@link ../../src/sqs/direct.ts}
 * takes.
 *
 * @throws {Error} if the file uses a client whose prefix is unknown, or makes calls in another way, which would hide them
 */
export async function actionsOf(source: string): Promise<string[]> {
  const found: string[] = [];
  for (const [statement, name = ""] of source.matchAll(/\bimport\b[^;]*?"@aws-sdk\/([\w-]+)"/g)) {
    if (statement.startsWith("import type")) continue;
    if (name === SIGNER.package) found.push(SIGNER.action);
    if (!name.startsWith("client-")) continue;
    const prefix = PREFIXES[name];
    if (prefix === undefined) throw new Error(`the actions of @aws-sdk/${name} are unknown`);
    const sdk = Object.keys((await import(`@aws-sdk/${name}`)) as object);
    const words = new Set(source.match(/\b\w+\b/g));
    // `SQS` has a method for each call; a paginator and a waiter make calls of their own.
    const hidden = sdk.filter(
      (each) => sdk.includes(`${each}Client`) || /^(paginate|waitUntil|waitFor)/.test(each),
    );
    const hiding = hidden.find((each) => new RegExp(`\\bnew ${each}\\(|\\b${each}\\(`).test(source));
    if (hiding !== undefined) throw new Error(`${hiding} of @aws-sdk/${name} hides its calls: send commands`);
    for (const each of sdk) {
      if (!words.has(each) || !/^[A-Z]\w+Command$/.test(each)) continue;
      found.push(actionOf(prefix, each.replace(/Command$/, "")));
    }
  }
  return found;
}
