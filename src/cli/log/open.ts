// Makes the log of a run. JSON lines are pino's, which is imported only for them.
import { styleText } from "node:util";
import type { LogFormat } from "../../config/log-format.ts";
import type { Log } from "./log.ts";
import { hasColor } from "../terminal/style.ts";
import type { JsonLogSettings } from "./json-log.ts";

interface LogSettings extends JsonLogSettings {
  readonly env: NodeJS.ProcessEnv;
  readonly format: LogFormat;
}

export async function openLog(settings: LogSettings): Promise<Log> {
  return settings.format === "text" ? textLog(settings) : (await import("./json-log.ts")).jsonLog(settings);
}

/** Lines for people. */
function textLog({ stderr, env, flags }: LogSettings): Log {
  // Not chalk, which takes a while to load: every command opens a log, and few have something to say.
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
