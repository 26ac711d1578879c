// Calls between processes: the parent calls functions of a child, one at a time.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** The functions of a child. Arguments and results are JSON. */
type Service = Readonly<Record<string, (argument: never) => unknown>>;

interface Call {
  readonly name: string;
  readonly argument: never;
}
type Reply<T> = { readonly result: T } | { readonly error: string };

/** A running child with the functions `S`. */
export interface Remote<S extends Service> {
  /** Calls one function. Wait for the result before the next call. */
  call<K extends keyof S & string>(
    name: K,
    argument: Parameters<S[K]>[0],
  ): Promise<Awaited<ReturnType<S[K]>>>;
  /** Stops the child. Resolves when it has exited. */
  stop(): Promise<void>;
}

/** In the child: handles calls until the parent exits. */
export function offer(service: Service): void {
  process.on("disconnect", () => process.exit());
  // Ctrl-C reaches all processes of the terminal. The parent decides when this one exits.
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

/** Starts the module `entry`, which must call {@link offer}, in its own process. */
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
          reject(new Error(`${entry.pathname} exited during a call`));
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
