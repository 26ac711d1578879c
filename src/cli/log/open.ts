// Opens the log of a run. pino writes the JSON lines and is imported only for them.
import { styleText } from "node:util";
import type { LogFormat } from "../../config/log-format.ts";
import type { Log } from "./log.ts";
import { hasColor } from "../terminal/color.ts";
import type { JsonLogSettings } from "./json-log.ts";

interface LogSettings extends JsonLogSettings {
  readonly env: NodeJS.ProcessEnv;
  readonly format: LogFormat;
}

export async function openLog(settings: LogSettings): Promise<Log> {
  return settings.format === "text" ? textLog(settings) : (await import("./json-log.ts")).jsonLog(settings);
}

/** Plain sentences. */
function textLog({ stderr, env, flags }: LogSettings): Log {
  // Not chalk, which loads slowly: every command opens a log.
  const label = (color: "yellow" | "red", text: string): string =>
    hasColor(stderr, env) ? styleText(color, text, { validateStream: false }) : text;
  return {
    format: "text",
    debug: () => undefined,
    event: () => undefined,
    note: (sentence) => {
      if (flags.quiet !== true) stderr.write(`${sentence}\n`);
    },
    warn: (sentence) => {
      stderr.write(`${label("yellow", "warning:")} ${sentence}\n`);
    },
    error: (sentences, frames = "") => {
      for (const line of sentences.split("\n")) stderr.write(`${label("red", "error:")} ${line}\n`);
      if (flags.debug === true) stderr.write(frames);
    },
  };
}
