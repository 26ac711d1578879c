// The IAM policies of deploy/iam/, read.
import { readFileSync } from "node:fs";

/** The folder. */
export const IAM = new URL("../../deploy/iam/", import.meta.url);

export interface Statement {
  readonly Effect: string;
  /** Only in the policy of a queue or a key. */
  readonly Principal?: { readonly AWS: string };
  readonly Action: readonly string[];
  readonly Resource: string;
  readonly Condition?: { readonly StringEquals: Readonly<Record<string, string>> };
}

export interface Policy {
  readonly Version: string;
  readonly Statement: readonly Statement[];
}

export function readPolicy(file: string): Policy {
  return JSON.parse(readFileSync(new URL(file, IAM), "utf8")) as Policy;
}

/** What a policy allows on queues. */
export function queueActions({ Statement: statements }: Policy): string[] {
  return statements.flatMap(({ Action: actions }) => actions).filter((action) => action.startsWith("sqs:"));
}

/** The service that decrypts with a key on behalf of its caller; undefined for a direct call of KMS. */
export function viaService({ Condition: condition }: Statement): string | undefined {
  return condition?.StringEquals["kms:ViaService"];
}
