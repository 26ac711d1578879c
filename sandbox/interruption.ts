// The first Ctrl-C or SIGTERM stops in order; the second exits immediately.

export type StopSignal = "SIGINT" | "SIGTERM";

/** Shell convention: 128 + the signal's number. */
export const SIGNAL_EXIT: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

/** Under `npm run`, one Ctrl-C can arrive twice: from the terminal and from npm. */
const SAME_PRESS_MS = 300;

/** Whether the process has received a signal to stop. */
export interface Interruption {
  /** Aborted on the first signal; the reason is its name. */
  readonly signal: AbortSignal;
  /** The first signal; undefined until then. */
  received(): StopSignal | undefined;
}

/** Starts listening for signals. A second one exits immediately; the watchdog then cleans up. */
export function watchSignals(): Interruption {
  const controller = new AbortController();
  let first: StopSignal | undefined;
  let firstAt = 0;
  const onSignal = (name: StopSignal): void => {
    if (first === undefined) {
      first = name;
      firstAt = performance.now();
      controller.abort(name);
    } else if (performance.now() - firstAt > SAME_PRESS_MS) {
      process.exit(SIGNAL_EXIT[name]);
    }
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return { signal: controller.signal, received: () => first };
}

/** Resolves on the first signal. */
export function interrupted({ signal }: Interruption): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      resolve();
    };
    if (signal.aborted) done();
    else signal.addEventListener("abort", done, { once: true });
  });
}
