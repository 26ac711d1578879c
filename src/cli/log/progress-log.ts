// Progress in the JSON log: one line every ten seconds.
import type { Counts } from "../../drain/counts.ts";
import type { Context } from "../context.ts";

const INTERVAL_MS = 10_000;

/** Logs the counts until the returned function is called. */
export function startProgressLog(
  { log, clock, runId }: Pick<Context, "log" | "clock" | "runId">,
  queue: string,
  counts: Readonly<Counts>,
): () => void {
  const over = new AbortController();
  const beat = async (): Promise<void> => {
    for (;;) {
      await clock.wait(INTERVAL_MS, over.signal);
      if (over.signal.aborted) return;
      const invalid = Object.fromEntries(counts.invalid);
      log.event("Draining", {
        runId,
        queue,
        ...counts,
        invalid,
        reasons: undefined,
        shownReasons: undefined,
      });
    }
  };
  void beat();
  return () => {
    over.abort();
  };
}
