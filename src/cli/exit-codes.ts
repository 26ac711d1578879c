// The definition of the exit codes. Tests check help, manual page and documentation against it.

export const EXIT = {
  done: 0,
  unexpected: 1,
  configuration: 2,
  quarantined: 3,
  mismatch: 4,
  unavailable: 5,
  sigint: 130,
  sigterm: 143,
  sighup: 129,
} as const;

/** What each exit code means, for `--help` and the documentation. */
export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT.done, "success, even if the queue was empty"],
  [EXIT.unexpected, "unexpected error"],
  [EXIT.configuration, "usage or configuration error; fix it before retrying"],
  [EXIT.quarantined, "messages were quarantined or left in the queue (--fail-on-quarantine)"],
  [EXIT.mismatch, "verify found a mismatch, or an encrypted value was altered"],
  [EXIT.unavailable, "SQS or Postgres was unreachable, or refused the request; retry later"],
  [EXIT.sigint, "stopped cleanly by SIGINT"],
  [EXIT.sigterm, "stopped cleanly by SIGTERM"],
  [EXIT.sighup, "stopped cleanly by SIGHUP, such as when the terminal closes"],
];

/** What a thrown value means for the user. */
export interface Explanation {
  readonly code: number;
  /** Contains no data; several problems are one per line. */
  readonly sentence: string;
}

/** The signals that stop a command. The first one asks for a clean stop. */
export const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type StopSignal = (typeof STOP_SIGNALS)[number];

export function exitCodeOfSignal(signal: StopSignal): number {
  return { SIGINT: EXIT.sigint, SIGTERM: EXIT.sigterm, SIGHUP: EXIT.sighup }[signal];
}

/**
 * The exit code of a command that ended without an error, perhaps because a signal asked it to stop.
 *
 * @param stop aborted by the signal, with its name as the reason
 */
export function exitCodeOfStop(stop: AbortSignal): number {
  if (!stop.aborted) return EXIT.done;
  return exitCodeOfSignal(STOP_SIGNALS.find((signal) => signal === stop.reason) ?? "SIGINT");
}
