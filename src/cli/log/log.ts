// The log on stderr, as text or JSON. A line is one of fetch-etl's own sentences plus numbers. It never contains a value from a message, a
// secret, or another library's error message.
import type { LogFlags, LogFormat } from "../../config/log-format.ts";
import type { Notices } from "../../drain/ports.ts";
import { escapeControls, type Output } from "../output.ts";
import { styleFor } from "../terminal/style.ts";

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

/** The text format shows only the sentence; the JSON formats also show the fields. */
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

export async function openLog(settings: LogSettings): Promise<Log> {
  return settings.format === "text" ? textLog(settings) : jsonLog(settings);
}

function textLog({ stderr, env, flags }: LogSettings): Log {
  const style = styleFor(stderr, env);
  return {
    format: "text",
    debug: () => undefined,
    event: () => undefined,
    metrics: () => undefined,
    note: (sentence) => {
      if (flags.quiet !== true) stderr.write(`${sentence}\n`);
    },
    warn: (sentence) => {
      stderr.write(`${style.yellow("warning:")} ${sentence}\n`);
    },
    error: (sentences, frames = "") => {
      for (const line of sentences.split("\n")) stderr.write(`${style.red("error:")} ${line}\n`);
      if (flags.debug === true) stderr.write(frames);
    },
  };
}

/** One JSON object per line, for log collectors. pino writes synchronously, so that no line is lost when the process exits. */
async function jsonLog({ stderr, flags, format, epochNow }: LogSettings): Promise<Log> {
  // Imported on demand, because it loads slowly.
  const { pino } = await import("pino");
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
  const at =
    (level: "debug" | "info" | "warn"): Log["note"] =>
    (sentence, fields = {}) => {
      lines[level](fields, sentence);
    };
  return {
    format,
    debug: at("debug"),
    event: at("info"),
    metrics: (sentence, fields, metrics) => {
      lines.child({}, { level: "info" }).info({ ...fields, ...metrics }, sentence);
    },
    note: at("info"),
    warn: at("warn"),
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
