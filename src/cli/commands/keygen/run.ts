// `fetch-etl keygen`: prints a new masking key.
import { Failure } from "../../../failure.ts";
import { MIN_KEY_BYTES } from "../../../masking/keys.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";

/** Prints a line to append to `.env`. Starts with a newline if the last line of `.env` has none. Refuses if `.env` already has a key. */
export function runKeygen({ force }: { readonly force?: boolean }, context: Context): number {
  const { stdout, randomBytes, dotEnv, problems } = context;
  problems.throwIfAny();
  const existing = dotEnv?.text ?? "";
  if (force !== true && /^[ \t]*(export[ \t]+)?FETCH_ETL_MASKING_KEY[ \t]*=[ \t]*\S/m.test(existing)) {
    throw new Failure(
      "configuration",
      ".env in the working directory already contains a masking key. A second key would replace it, and new tokens would not " +
        "match tokens made with the first one. Use --force to print a key anyway.",
    );
  }
  const key = Buffer.from(randomBytes(MIN_KEY_BYTES)).toString("base64");
  const lineEnd = existing === "" || existing.endsWith("\n") ? "" : "\n";
  stdout.write(`${lineEnd}FETCH_ETL_MASKING_KEY=${key}\n`);
  return EXIT.done;
}
