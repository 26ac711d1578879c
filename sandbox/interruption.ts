// Turns Ctrl-C and SIGTERM into one orderly stop, and a second one into an end at once.

export type StopSignal = "SIGINT" | "SIGTERM";

/** Shell convention: 128 and the signal's number. */
export const SIGNAL_EXIT: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

/** Below `npm run` one Ctrl-C can arrive twice: from the terminal, and from npm, which passes on its own. */
const SAME_PRESS_MS = 300;

/** Whether the process was asked to stop. */
export interface Interruption {
  /** Aborted at the first signal; the reason is its name. */
  readonly signal: AbortSignal;
  /** The first signal; undefined as long as there was none. */
  received(): StopSignal | undefined;
}

/** Listens for signals from now on. A second one ends the process where it stands; the watchdog then cleans up. */
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

/** Resolves at the first signal. */
export function interrupted({ signal }: Interruption): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      resolve();
    };
    if (signal.aborted) done();
    else signal.addEventListener("abort", done, { once: true });
  });
}
