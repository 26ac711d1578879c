// What every contender is told, by its environment.

/** How many seconds a receive waits for a message. */
export const WAIT_SECONDS = 1;
/** The most messages that SQS takes or gives in one call. */
export const BATCH = 10;
/** How many workers the loops without a database have: as many receives as fetch-etl has at most. */
export const WORKERS = 32;

/** @throws Error when the variable is missing: a contender is started by the bench */
export function setting(name: "BENCH_QUEUE_URL" | "AWS_ENDPOINT_URL_SQS" | "DATABASE_URL"): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run \`npm run bench\``);
  return value;
}
