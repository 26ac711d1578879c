// The log as one JSON object a line, for what collects logs.
import { pino } from "pino";
import type { LogFlags } from "../../config/log-format.ts";
import type { Output } from "../context.ts";
import type { Log } from "./log.ts";
import { withoutSteering } from "../json.ts";

export interface JsonLogSettings {
  readonly stderr: Output;
  readonly flags: LogFlags;
  /** Epoch milliseconds. */
  readonly epochNow: () => number;
}

/** pino writes each line before it returns, so that none is lost when the process ends. */
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
        stderr.write(withoutSteering(line));
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
