// `fetch-etl keygen`: a new masking key.
import { MIN_KEY_BYTES } from "../../masking/keys.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";

/** Prints a line for `.env`. @returns the exit code */
export function runKeygen({ stdout, randomBytes }: Context): number {
  const key = Buffer.from(randomBytes(MIN_KEY_BYTES)).toString("base64");
  stdout.write(`FETCH_ETL_MASKING_KEY=${key}\n`);
  return EXIT.done;
}
