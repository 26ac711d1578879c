// Ends a server and removes its folder when the sandbox's own process is gone, whichever way it went: a server in a
// process group of its own would outlive a crash or a `kill -9`.
import { spawn } from "node:child_process";
import { once } from "node:events";

/** Knows which process has to go when this one is gone. */
export interface Watchdog {
  /** The leader of the process group to end; undefined when there is none at the moment. */
  guard(pid: number | undefined): void;
  /** Ends the watchdog itself. What it guards must be gone. */
  dispose(): Promise<void>;
}

// The shell learns of this process's end by the end of its standard input, which the system closes in any case. The
// last line it has read names the process group: SIGQUIT is Postgres's immediate shutdown. It waits for that at most
// five seconds, because a process that nobody reaps looks alive for ever.
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
rm -rf -- "$1"
`;

/** Starts a watchdog that removes `folder`, after the guarded process, when this process ends. */
export function startWatchdog(folder: string): Watchdog {
  // Without a shell there is no watchdog; an orderly stop works all the same.
  if (process.platform === "win32") return { guard: () => undefined, dispose: () => Promise.resolve() };
  const shell = spawn("/bin/sh", ["-c", SCRIPT, "watchdog", folder], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const gone = once(shell, "exit").catch(() => undefined);
  shell.stdin.on("error", () => undefined);
  // It must not keep alive the process for whose end it waits.
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
