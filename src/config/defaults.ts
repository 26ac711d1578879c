// What the commands do unless they are told otherwise; for `--help` too.

export const DRAIN_DEFAULTS = {
  concurrency: 32,
  batchSize: 500,
  retryFor: 30,
  ledgerDays: 30,
  /** How many messages a dry run looks at. */
  dryRunMessages: 10_000,
} as const;

export const PEEK_DEFAULTS = { count: 10 } as const;
