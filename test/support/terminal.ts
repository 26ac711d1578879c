// A real pseudo-terminal, by util-linux's `script`, and a screen that shows what a person would see on it.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import xterm, { type IBuffer } from "@xterm/headless";

/** Why there can be none here; undefined where there can. */
export const noTerminal: string | undefined =
  process.platform === "linux" && spawnSync("script", ["--version"]).status === 0
    ? undefined
    : "there is no util-linux `script` here";

export interface TerminalSession {
  /** What is on the screen, without the blank ends of its lines and the empty lines after the last. */
  screen(): Promise<string>;
  /** Resolves when the screen shows it; throws when the command has ended without. */
  shows(text: string): Promise<void>;
  type(keys: string): void;
  /** All lines, with colours, the ones that have left the screen included. Up to date after {@link TerminalSession.screen}. */
  readonly buffer: IBuffer;
  /** Resolves to all that was written to the terminal, its control sequences included, when the command has ended. */
  readonly ended: Promise<string>;
}

const ROWS = 24;

/** Runs a shell command on a terminal with so many columns. */
export function onTerminal(
  command: string,
  columns: number,
  options: { readonly env: Readonly<Record<string, string>>; readonly cwd: string },
): TerminalSession {
  const sized = `stty cols ${columns} rows ${ROWS}; ${command}`;
  const child = spawn("script", ["-qfec", sized, "/dev/null"], { ...options, stdio: "pipe" });
  const terminal = new xterm.Terminal({ cols: columns, rows: ROWS, allowProposedApi: true });
  let written = "";
  let waiting: (() => Promise<void>)[] = [];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    written += text;
    terminal.write(text);
    for (const look of waiting) void look();
  });

  const screen = async (): Promise<string> => {
    // Resolves when all that was written before is on the screen.
    await new Promise<void>((resolve) => {
      terminal.write("", resolve);
    });
    const lines = Array.from({ length: ROWS }, (_, row) => {
      const line = terminal.buffer.active.getLine(terminal.buffer.active.baseY + row);
      return line?.translateToString(true) ?? "";
    });
    return lines.join("\n").trimEnd();
  };
  const ended = once(child, "close").then(() => written);
  return {
    screen,
    shows: (text) =>
      new Promise((resolve, reject) => {
        void ended.then(screen).then((last) => {
          reject(new Error(`the command ended without showing "${text}", with:\n${last}`));
        });
        const look = async (): Promise<void> => {
          if (!(await screen()).includes(text)) return;
          waiting = waiting.filter((each) => each !== look);
          resolve();
        };
        waiting.push(look);
        void look();
      }),
    type: (keys) => {
      child.stdin.write(keys);
    },
    buffer: terminal.buffer.active,
    ended,
  };
}
