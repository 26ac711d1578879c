// Runs the real command line as a child process, the way a user would, for the demo.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** From `dist/sandbox`, where this file runs. */
const CLI = fileURLToPath(new URL("../../bin/fetch-etl.js", import.meta.url));

/** All that the command line gets of the caller's environment: neither an AWS account nor a database of theirs. */
const PASSED_ON = new Set(["PATH", "HOME", "TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "CI"]);

export interface CliSurroundings {
  /** A folder without a `.env` file. */
  readonly cwd: string;
  /** The variables on top of the few that are passed on. */
  readonly env: Readonly<Record<string, string>>;
}

/** Runs `fetch-etl` with these arguments on the caller's own streams. Resolves to how it ended: `exit code 0` is good. */
export async function runCli(args: readonly string[], { cwd, env }: CliSurroundings): Promise<string> {
  const passedOn = Object.entries(process.env).filter(([name]) => PASSED_ON.has(name));
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd,
    env: { ...Object.fromEntries(passedOn), ...env },
    stdio: "inherit",
  });
  // Ctrl-C reaches the child from the terminal; a SIGTERM goes to one process and has to be passed on.
  const passOn = (): void => {
    child.kill("SIGTERM");
  };
  process.on("SIGTERM", passOn);
  try {
    return await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => {
        resolve(signal === null ? `exit code ${code ?? "unknown"}` : `signal ${signal}`);
      });
    });
  } finally {
    process.off("SIGTERM", passOn);
  }
}
