// Checks spec/ with TLC, a model checker: `npm run check:spec`, and `-- NAME…` to see all that it prints for some models. Needs Java 11.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const TLC = {
  url: "https://github.com/tlaplus/tlaplus/releases/download/v1.7.4/tla2tools.jar",
  sha256: "936a262061c914694dfd669a543be24573c45d5aa0ff20a8b96b23d01e050e88",
};
const DOWNLOAD_TIMEOUT_MS = 120_000;

if (realpathSync(process.argv[1] ?? ".") === fileURLToPath(import.meta.url)) {
  // Relative to dist/scripts, where this file runs.
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const names = process.argv.slice(2);
  try {
    const jar =
      process.env["TLA2TOOLS_JAR"] ?? (await download(TLC, join(root, ".cache", "tla2tools-1.7.4.jar")));
    const models = readModels(join(root, "spec")).filter(
      ({ name }) => names.length === 0 || names.includes(name),
    );
    for (const model of models) {
      const output = await runTlc(jar, model);
      const { isExpected, line } = judge(model, output);
      process.stdout.write(`${names.length > 0 || !isExpected ? output : ""}${line}\n`);
      if (!isExpected) process.exitCode = 1;
    }
  } catch (error) {
    process.stderr.write(`error: Cannot check the specification: ${String(error)}\n`);
    process.exitCode = 2;
  }
}

/** A .cfg file: constants and properties for TLC. */
export interface Model {
  readonly name: string;
  readonly folder: string;
  /** The property that TLC must refute; undefined where all must hold. */
  readonly refuted: string | undefined;
}

/** @throws Error if the first line of a .cfg file does not say what to expect */
export function readModels(folder: string): Model[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".cfg"))
    .map((file) => {
      const [, holds, refuted] =
        /^\\\* (?:(Holds)|Refuted: (\w+) is violated)\.\n/.exec(readFileSync(join(folder, file), "utf8")) ??
        [];
      if (holds === undefined && refuted === undefined)
        throw new Error(`${file} does not say what to expect`);
      return { name: file.slice(0, -".cfg".length), folder, refuted };
    });
}

/** @returns all that TLC prints */
export async function runTlc(jar: string, { name, folder }: Model): Promise<string> {
  const states = mkdtempSync(join(tmpdir(), "fetch-etl-spec-"));
  // States without a next one are fine: all messages are done.
  const options = ["-workers", "auto", "-deadlock", "-difftrace", "-metadir", states];
  try {
    const tlc = spawn(
      "java",
      ["-XX:+UseParallelGC", "-cp", jar, "tlc2.TLC", ...options, "-config", `${name}.cfg`, "ExactlyOnce.tla"],
      { cwd: folder, stdio: ["ignore", "pipe", "inherit"] },
    );
    await once(tlc, "spawn");
    return await text(tlc.stdout);
  } finally {
    rmSync(states, { recursive: true });
  }
}

/** @param output what TLC printed */
export function judge({ name, refuted }: Model, output: string): { isExpected: boolean; line: string } {
  const states = /([\d,]+) distinct states found, /.exec(
    output.slice(output.lastIndexOf("states generated")),
  )?.[1];
  const count = `${Number(states ?? 0).toLocaleString("en-US")} states`;
  if (refuted === undefined) {
    const isExpected = output.includes("Model checking completed. No error has been found.");
    return { isExpected, line: `${name}: ${isExpected ? "holds" : "does NOT hold"}, ${count}` };
  }
  // TLC does not name a temporal property; its model has only one.
  const isExpected =
    output.includes(`Error: Invariant ${refuted} is violated.`) ||
    output.includes("Error: Temporal properties were violated.");
  const steps = [...output.matchAll(/^State \d+: <(\w+) line/gm)].map(([, action]) => action);
  const trace = `${refuted} is violated after ${steps.join(", ")}`;
  return {
    isExpected,
    line: `${name}: ${isExpected ? `refuted, ${trace}` : `${refuted} is NOT violated`}, ${count}`,
  };
}

/**
 * Downloads a file unless it is there.
 *
 * @returns its path
 * @throws Error if it has another SHA-256
 */
export async function download(
  { url, sha256 }: { url: string; sha256: string },
  path: string,
): Promise<string> {
  if (existsSync(path)) return path;
  const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS) });
  const content = Buffer.from(await response.arrayBuffer());
  if (createHash("sha256").update(content).digest("hex") !== sha256)
    throw new Error(`${url} has another SHA-256 (HTTP ${response.status})`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}
