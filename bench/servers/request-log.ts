// Counts the requests to the SQS server of this process with Node's diagnostics channels, so that contenders need no changes.
import { subscribe } from "node:diagnostics_channel";
import { IncomingMessage } from "node:http";
import { epochMs } from "../clock.ts";

/** The requests since {@link RequestLog.reset}. */
export interface RequestCounts {
  readonly receive: number;
  readonly delete: number;
  readonly other: number;
  /** When the last response to a delete was sent, epoch milliseconds; 0 if there was none. */
  readonly lastDeleteAt: number;
}

export interface RequestLog {
  reset(): void;
  counts(): RequestCounts;
}

/** Starts counting, in all HTTP servers of this process. */
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

/** The kind of SQS request in a diagnostics event. */
function kindOf(event: unknown): "receive" | "delete" | "other" {
  if (typeof event !== "object" || event === null || !("request" in event)) return "other";
  if (!(event.request instanceof IncomingMessage)) return "other";
  const target = event.request.headers["x-amz-target"];
  if (target === "AmazonSQS.ReceiveMessage") return "receive";
  return target === "AmazonSQS.DeleteMessageBatch" ? "delete" : "other";
}
