// The programs in other languages: which tools each needs, and how it is built. One whose tools are missing is left out.
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { promisify } from "node:util";
import type { Peer } from "../scenarios.ts";
import { built, source } from "./places.ts";

const run = promisify(execFile);

type Command = readonly [program: string, ...args: string[]];

interface Recipe {
  readonly language: string;
  /** Each prints its version. */
  readonly tools: readonly Command[];
  /** Run in the folder of its sources. */
  readonly build: readonly Command[];
}

const RECIPES: Readonly<Record<Peer, Recipe>> = {
  nodejs: { language: "Node.js", tools: [["node", "--version"]], build: [] },
  go: {
    language: "Go",
    tools: [["go", "version"]],
    build: [["go", "build", "-o", built("go", "drain"), "."]],
  },
  rust: {
    language: "Rust",
    tools: [
      ["cargo", "--version"],
      ["cc", "--version"],
    ],
    build: [["cargo", "build", "--quiet", "--release", "--target-dir", built("rust")]],
  },
  "python-threads": python("python-threads"),
  "python-asyncio": python("python-asyncio"),
  java: {
    language: "Java",
    tools: [
      ["java", "--version"],
      ["mvn", "--version"],
    ],
    build: [["mvn", "--quiet", "--batch-mode", `-Dpeer.directory=${built("java")}`, "package"]],
  },
};

function python(name: Peer): Recipe {
  const requirements = ["--requirement", "requirements.txt"];
  return {
    language: "Python",
    tools: [["python3", "--version"]],
    build: [
      ["python3", "-m", "venv", built(name)],
      [
        built(name, "bin", "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        ...requirements,
      ],
    ],
  };
}

export interface BuiltPeers {
  /** Language and version, by peer. */
  readonly versions: Readonly<Partial<Record<Peer, string>>>;
  /** Why a peer is left out. */
  readonly leftOut: Readonly<Partial<Record<Peer, string>>>;
}

/**
 * Builds peers, one after the other. A first build downloads packages, and takes minutes.
 *
 * @param say receives a line per peer
 */
export async function buildPeers(
  names: readonly Peer[],
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<BuiltPeers> {
  const versions: Partial<Record<Peer, string>> = {};
  const leftOut: Partial<Record<Peer, string>> = {};
  for (const name of names) {
    try {
      const version = await toolVersion(RECIPES[name]);
      say(`building ${name}, ${version}`);
      await build(name, signal);
      versions[name] = version;
    } catch (error) {
      signal.throwIfAborted();
      const { message, cause } = error instanceof Error ? error : new Error(String(error));
      leftOut[name] = message;
      say(`left out: ${name}: ${message}${cause instanceof Error ? `\n${cause.message}` : ""}`);
    }
  }
  return { versions, leftOut };
}

/**
 * Resolves to the language and the version of the first tool, such as `Go 1.26.8`.
 *
 * @throws Error naming the tool that is missing
 */
async function toolVersion({ language, tools }: Recipe): Promise<string> {
  const versions: string[] = [];
  for (const [program, ...args] of tools) {
    const { stdout } = await run(program, args).catch(() => {
      throw new Error(`${program} is missing`);
    });
    versions.push(/(?:^|\D)(\d{1,4}(?:\.\d{1,6}){0,3})/.exec(stdout)?.[1] ?? "");
  }
  return `${language} ${versions[0] ?? ""}`;
}

/** @throws Error without the output, which names this machine's folders; that is in its cause */
async function build(name: Peer, signal: AbortSignal): Promise<void> {
  await mkdir(built(name), { recursive: true });
  for (const [program, ...args] of RECIPES[name].build) {
    await run(program, args, { cwd: source(name), signal }).catch((cause: unknown) => {
      throw new Error("its build failed", { cause });
    });
  }
}
