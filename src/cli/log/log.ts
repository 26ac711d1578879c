// The log on stderr, as text or JSON. A line is one of fetch-etl's own sentences plus numbers. It never contains a value from a message, a
// secret, or another library's error message.
import type { LogFlags, LogFormat } from "../../config/log-format.ts";
import type { Notices } from "../../drain/ports.ts";
import { escapeControls, type Output } from "../output.ts";
import { styleFor } from "../terminal/style.ts";
import { wrapLines } from "../terminal/table.ts";

/** Numbers and settings that accompany a sentence. The type excludes errors, because their text may quote data. */
type LogFields = Readonly<Record<string, Scalar | Readonly<Record<string, Scalar>>>>;
type Scalar = string | number | boolean | null | undefined;

/** Metrics for CloudWatch: their definitions in `_aws`, and their values and the dimension as members of the same line. */
export interface EmbeddedMetrics {
  readonly _aws: {
    /** Epoch milliseconds. */
    readonly Timestamp: number;
    readonly CloudWatchMetrics: readonly [
      {
        readonly Namespace: string;
        readonly Dimensions: readonly (readonly string[])[];
        readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
      },
    ];
  };
  readonly [member: string]: unknown;
}

/** The text format shows only the sentence, after the time unless stderr is a terminal; the JSON formats also show the fields. */
export interface Log extends Notices {
  readonly format: LogFormat;
  /** Only in JSON, with `--debug`. */
  debug(sentence: string, fields?: LogFields): void;
  /** Only in JSON; in a terminal, the progress line or the report shows it. */
  event(sentence: string, fields?: LogFields): void;
  /** The same with metrics, printed even with `--quiet`. */
  metrics(sentence: string, fields: LogFields, metrics: EmbeddedMetrics): void;
  /** Information; omitted with `--quiet`. */
  note(sentence: string, fields?: LogFields): void;
  /** Something to check. */
  warn(sentence: string, fields?: LogFields): void;
  /**
   * Something that failed.
   *
   * @param sentences one per line
   * @param frames stack frames, one per line; shown with `--debug`
   */
  error(sentences: string, frames?: string): void;
}

interface LogSettings {
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  readonly flags: LogFlags;
  readonly format: LogFormat;
  /** Epoch milliseconds. */
  readonly epochNow: () => number;
}

export function openLog(settings: LogSettings): Log {
  return settings.format === "text" ? textLog(settings) : jsonLog(settings);
}

function textLog({ stderr, env, flags, epochNow }: LogSettings): Log {
  const style = styleFor(stderr, env);
  const write = (line: string): void => {
    // A person at a terminal sees when a line appears; in a file or a cron mail, nobody does.
    const text = stderr.isTerminal
      ? wrapLines(line, stderr.columns)
      : `${new Date(epochNow()).toISOString()} ${line}`;
    stderr.write(`${text}\n`);
  };
  return {
    format: "text",
    debug: () => undefined,
    event: () => undefined,
    metrics: () => undefined,
    note: (sentence) => {
      if (flags.quiet !== true) write(sentence);
    },
    warn: (sentence) => {
      write(`${style.yellow("warning:")} ${sentence}`);
    },
    error: (sentences, frames = "") => {
      for (const line of sentences.split("\n")) write(`${style.red("error:")} ${line}`);
      if (flags.debug === true) stderr.write(frames);
    },
  };
}

const LEVELS = ["debug", "info", "warn", "error"] as const;
type Level = (typeof LEVELS)[number];

/** One JSON object per line, for log collectors. */
function jsonLog({ stderr, flags, format, epochNow }: LogSettings): Log {
  const write = (level: Level, sentence: string, fields: object = {}): void => {
    const time = new Date(epochNow()).toISOString();
    const line = { level, time, name: "fetch-etl", pid: process.pid, ...fields, msg: sentence };
    stderr.write(`${escapeControls(JSON.stringify(line))}\n`);
  };
  const lowest = LEVELS.indexOf(levelOf(flags));
  const at = (level: Level): Log["note"] =>
    LEVELS.indexOf(level) < lowest
      ? () => undefined
      : (sentence, fields) => {
          write(level, sentence, fields);
        };
  return {
    format,
    debug: at("debug"),
    event: at("info"),
    metrics: (sentence, fields, metrics) => {
      write("info", sentence, { ...fields, ...metrics });
    },
    note: at("info"),
    warn: at("warn"),
    error: (sentences, frames) => {
      const [first = "", ...others] = sentences.split("\n");
      write("error", first, flags.debug === true && frames !== undefined ? { frames } : {});
      for (const sentence of others) write("error", sentence);
    },
  };
}

function levelOf({ quiet, debug }: LogFlags): Level {
  if (quiet === true) return "warn";
  return debug === true ? "debug" : "info";
}
