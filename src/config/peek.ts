// What `peek` does unless it is told otherwise; for `--help` too.

export const PEEK_DEFAULTS = { count: 10 } as const;
