// Runs the real command line as a child process for the demo.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Relative to `dist/sandbox`, where this file runs. */
const CLI = fileURLToPath(new URL("../../bin/fetch-etl.js", import.meta.url));

/** The only variables of the caller that the command line gets: no AWS account and no database. */
const PASSED_ON = new Set(["PATH", "HOME", "TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "CI"]);

export interface CliEnvironment {
  /** A folder without a `.env` file. */
  readonly cwd: string;
  /** Variables to add to those of the caller. */
  readonly env: Readonly<Record<string, string>>;
}

/** Runs `fetch-etl` with these arguments on the caller's streams. Resolves to how it ended, such as `exit code 0`. */
export async function runCli(args: readonly string[], { cwd, env }: CliEnvironment): Promise<string> {
  const passedOn = Object.entries(process.env).filter(([name]) => PASSED_ON.has(name));
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd,
    env: { ...Object.fromEntries(passedOn), ...env },
    stdio: "inherit",
  });
  // The terminal sends Ctrl-C to the child too. A SIGTERM goes to one process only, so forward it.
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
