// The log on stderr, as text or JSON. A line is one of fetch-etl's own sentences plus numbers. It never contains a value from a message, a
// secret, or another library's error message.
import type { LogFormat } from "../../config/log-format.ts";
import type { Notices } from "../../drain/ports.ts";

/** Numbers and settings that accompany a sentence. The type excludes errors, because their text may quote data. */
type LogFields = Readonly<Record<string, Scalar | Readonly<Record<string, Scalar>>>>;
type Scalar = string | number | boolean | null | undefined;

/** The text format shows only the sentence; the JSON format also shows the fields. */
export interface Log extends Notices {
  readonly format: LogFormat;
  /** Only in JSON, with `--debug`. */
  debug(sentence: string, fields?: LogFields): void;
  /** Only in JSON; in a terminal, the progress line or the report shows it. */
  event(sentence: string, fields?: LogFields): void;
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
