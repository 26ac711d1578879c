// What a command tells while it works, beside its result: lines on stderr, for people or for machines. A line is a sentence of our own and
// figures; never a value out of a message, a secret, or what another library threw.
import type { LogFormat } from "../../config/log-format.ts";
import type { Notices } from "../../drain/ports.ts";

/** Figures and settings beside a sentence. An error does not fit in: its text may quote data. */
type LogFields = Readonly<Record<string, Scalar | Readonly<Record<string, Scalar>>>>;
type Scalar = string | number | boolean | null | undefined;

/** Fields are for machines; text shows the sentence alone. */
export interface Log extends Notices {
  readonly format: LogFormat;
  /** What machines read where details were asked for. */
  debug(sentence: string, fields?: LogFields): void;
  /** What machines read, and people are shown in another way. */
  event(sentence: string, fields?: LogFields): void;
  /** Something worth knowing. */
  note(sentence: string, fields?: LogFields): void;
  /** Something to look into. */
  warn(sentence: string, fields?: LogFields): void;
  /**
   * Something that failed.
   *
   * @param sentences one a line
   * @param frames where it came from, one place a line; shown with `--debug`
   */
  error(sentences: string, frames?: string): void;
}
