// Calls across processes: a child offers a few functions, the parent calls them, one after the other.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What a child offers. Arguments and results have to be JSON. */
type Service = Readonly<Record<string, (argument: never) => unknown>>;

interface Call {
  readonly name: string;
  readonly argument: never;
}
type Reply<T> = { readonly result: T } | { readonly error: string };

/** A running child that offers `S`. */
export interface Remote<S extends Service> {
  /** Calls one function. The next call has to wait for the answer. */
  call<K extends keyof S & string>(
    name: K,
    argument: Parameters<S[K]>[0],
  ): Promise<Awaited<ReturnType<S[K]>>>;
  /** Ends the child. Resolves when it is gone. */
  stop(): Promise<void>;
}

/** In the child: answers calls for as long as the parent lives. */
export function offer(service: Service): void {
  process.on("disconnect", () => process.exit());
  // Ctrl-C reaches all processes of the terminal; when this one ends is for the parent to say.
  process.on("SIGINT", () => undefined).on("SIGTERM", () => undefined);
  const answer = async ({ name, argument }: Call): Promise<Reply<unknown>> => {
    try {
      return { result: await service[name]?.(argument) };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  };
  const emitter: NodeJS.EventEmitter = process;
  emitter.on("message", (call: Call) => {
    void answer(call).then((reply) => process.send?.(reply));
  });
}

/** Starts the module `entry`, which has to call {@link offer}, as a process of its own. */
export function startRemote<S extends Service>(entry: URL): Remote<S> {
  const child = fork(fileURLToPath(entry), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const gone = once(child, "exit");
  return {
    call: (name, argument) =>
      new Promise((resolve, reject) => {
        const settle = (reply: Reply<Awaited<ReturnType<S[typeof name]>>>): void => {
          child.off("exit", onExit);
          if ("error" in reply) reject(new Error(`${name}: ${reply.error}`));
          else resolve(reply.result);
        };
        const onExit = (): void => {
          reject(new Error(`${entry.pathname} ended in mid-call`));
        };
        const emitter: NodeJS.EventEmitter = child;
        emitter.once("message", settle);
        child.once("exit", onExit);
        child.send({ name, argument });
      }),
    stop: async () => {
      if (child.connected) child.disconnect();
      await gone;
    },
  };
}
