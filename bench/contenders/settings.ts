// Settings that all contenders share.

/** Seconds that a receive waits for a message. */
export const WAIT_SECONDS = 1;
/** Maximum messages per SQS call. */
export const BATCH = 10;
/** Parallel loops of the SDK loop: as many as fetch-etl's maximum of concurrent receives. */
export const WORKERS = 32;

/** @throws Error if the variable is missing: only the benchmark starts contenders */
export function setting(name: "QUEUE_URL" | "DATABASE_URL"): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run \`npm run bench\``);
  return value;
}
