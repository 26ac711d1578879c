// Counts what reaches the SQS server of this process, by Node's own diagnostics: contenders are measured from outside.
import { subscribe } from "node:diagnostics_channel";
import { IncomingMessage } from "node:http";
import { epochMs } from "../clock.ts";

/** The requests since {@link RequestLog.reset}. */
export interface RequestCounts {
  readonly receive: number;
  readonly delete: number;
  readonly other: number;
  /** Epoch milliseconds at which the last answer to a delete was written; 0 when there was none. */
  readonly lastDeleteAt: number;
}

export interface RequestLog {
  reset(): void;
  counts(): RequestCounts;
}

/** Counts from now on, in all HTTP servers of this process. */
export function startRequestLog(): RequestLog {
  let counts: RequestCounts = NONE;
  subscribe("http.server.request.start", (event) => {
    const kind = kindOf(event);
    counts = { ...counts, [kind]: counts[kind] + 1 };
  });
  subscribe("http.server.response.finish", (event) => {
    if (kindOf(event) === "delete") counts = { ...counts, lastDeleteAt: epochMs() };
  });
  return {
    reset: () => {
      counts = NONE;
    },
    counts: () => counts,
  };
}

const NONE: RequestCounts = { receive: 0, delete: 0, other: 0, lastDeleteAt: 0 };

/** What the request of a diagnostics event asks SQS for. */
function kindOf(event: unknown): "receive" | "delete" | "other" {
  if (typeof event !== "object" || event === null || !("request" in event)) return "other";
  if (!(event.request instanceof IncomingMessage)) return "other";
  const target = event.request.headers["x-amz-target"];
  if (target === "AmazonSQS.ReceiveMessage") return "receive";
  return target === "AmazonSQS.DeleteMessageBatch" ? "delete" : "other";
}
