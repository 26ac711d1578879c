// The log as one JSON object per line, for log collectors.
import { pino } from "pino";
import type { LogFlags } from "../../config/log-format.ts";
import type { Output } from "../context.ts";
import type { Log } from "./log.ts";
import { escapeControls } from "../json.ts";

export interface JsonLogSettings {
  readonly stderr: Output;
  readonly flags: LogFlags;
  /** Epoch milliseconds. */
  readonly epochNow: () => number;
}

/** pino writes synchronously, so that no line is lost when the process exits. */
export function jsonLog({ stderr, flags, epochNow }: JsonLogSettings): Log {
  const lines = pino(
    {
      level: levelOf(flags),
      base: { name: "fetch-etl", pid: process.pid },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"time":"${new Date(epochNow()).toISOString()}"`,
    },
    {
      write: (line: string) => {
        stderr.write(escapeControls(line));
      },
    },
  );
  return {
    format: "json",
    debug: (sentence, fields = {}) => {
      lines.debug(fields, sentence);
    },
    event: (sentence, fields = {}) => {
      lines.info(fields, sentence);
    },
    note: (sentence, fields = {}) => {
      lines.info(fields, sentence);
    },
    warn: (sentence, fields = {}) => {
      lines.warn(fields, sentence);
    },
    error: (sentences, frames) => {
      const [first = "", ...others] = sentences.split("\n");
      lines.error(flags.debug === true && frames !== undefined ? { frames } : {}, first);
      for (const sentence of others) lines.error(sentence);
    },
  };
}

function levelOf({ quiet, debug }: LogFlags): "debug" | "info" | "warn" {
  if (quiet === true) return "warn";
  return debug === true ? "debug" : "info";
}
