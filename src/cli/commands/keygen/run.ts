// `fetch-etl keygen`: prints a new masking key.
import { Failure } from "../../../failure.ts";
import { MIN_KEY_BYTES } from "../../../masking/keys.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";

export interface KeygenFlags {
  /** Id, ARN or alias of the KMS key that encrypts the masking key. */
  readonly kms?: string;
  readonly force?: boolean;
}

const EXISTING = /^[ \t]*(export[ \t]+)?FETCH_ETL_MASKING_KEY(_FILE|_COMMAND)?[ \t]*=[ \t]*\S/m;

/** Prints a line to append to `.env`. Starts with a newline if the last line of `.env` has none. Refuses if `.env` already has a key. */
export async function runKeygen({ kms, force }: KeygenFlags, context: Context): Promise<number> {
  const { stdout, randomBytes, dotEnv, services, problems } = context;
  problems.throwIfAny();
  const existing = dotEnv?.text ?? "";
  if (force !== true && EXISTING.test(existing)) {
    throw new Failure(
      "configuration",
      ".env in the working directory already contains a masking key. A second key would replace it, and new tokens would not " +
        "match tokens made with the first one. Use --force to print a key anyway.",
    );
  }
  if (kms === "")
    throw new Failure("configuration", "--kms is empty: name a KMS key by its id, ARN or alias.");
  const key = Buffer.from(randomBytes(MIN_KEY_BYTES)).toString("base64");
  const value = kms === undefined ? key : `kms:${await services.encryptSecret(key, kms, "masking-key")}`;
  const lineEnd = existing === "" || existing.endsWith("\n") ? "" : "\n";
  stdout.write(`${lineEnd}FETCH_ETL_MASKING_KEY=${value}\n`);
  return EXIT.done;
}
