// Stops a server and deletes its folders when the sandbox's process has ended in any way: a server in its own process group
// would survive a crash or a `kill -9`.
import { spawn } from "node:child_process";
import { once } from "node:events";

/** Guards a process group: stops it when this process ends. */
export interface Watchdog {
  /** The leader of the process group to stop; undefined if there is none. */
  guard(pid: number | undefined): void;
  /** Stops the watchdog. The guarded process must have exited. */
  dispose(): Promise<void>;
}

// The system closes the shell's standard input when this process ends. The last line that the shell has read is the process
// group. SIGQUIT is Postgres's immediate shutdown. The shell waits at most five seconds, because a zombie process looks alive.
const SCRIPT = `
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  kill -s QUIT -- "-$pid"
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
    kill -0 "$pid" || break
    sleep 0.2
  done
fi
rm -rf -- "$@"
`;

/** Starts a watchdog that stops the guarded process and deletes the folders when this process ends. */
export function startWatchdog(folders: readonly string[]): Watchdog {
  // Without a shell there is no watchdog, but a normal stop still works.
  if (process.platform === "win32") return { guard: () => undefined, dispose: () => Promise.resolve() };
  const shell = spawn("/bin/sh", ["-c", SCRIPT, "watchdog", ...folders], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const gone = once(shell, "exit").catch(() => undefined);
  shell.stdin.on("error", () => undefined);
  // It must not keep this process alive.
  shell.unref();
  return {
    guard: (pid) => {
      shell.stdin.write(`${pid ?? ""}\n`);
    },
    dispose: async () => {
      shell.ref();
      shell.stdin.end("\n");
      await gone;
    },
  };
}
