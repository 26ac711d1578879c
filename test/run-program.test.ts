import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { splitCommand } from "../src/config/command-words.ts";
import { runProgram } from "../src/run-program.ts";
import { withFolder } from "./support/folder.ts";
import { isRunning } from "./support/running.ts";

const ENV = { PATH: process.env["PATH"], MARK: "mark" };
const never = (): (() => void) => () => undefined;

const sh = (script: string) => runProgram(["sh", "-c", script], ENV, never);

it("returns what the program printed, and gives it an environment and no input", async () => {
  const end = await sh('cat; printf "%s\\n\\n" "$MARK $HOME"');
  expect(end).toEqual({ kind: "output", bytes: Buffer.from("mark \n\n") });
});

it.each([
  ["exit 3", { kind: "failed", by: "exit code 3" }],
  ["kill -9 $$", { kind: "failed", by: "SIGKILL" }],
  ["head -c 70000 /dev/zero; sleep 60", { kind: "too long" }],
])("%s", async (script, end) => {
  expect(await sh(script)).toEqual(end);
});

it("a missing program, a directory, and a file that is not executable are reported as not started", () =>
  withFolder(async (folder) => {
    const file = join(folder, "file");
    writeFileSync(file, "nothing to execute");
    const start = (program: string) => runProgram([program], ENV, never);
    expect(await start("no-such-program")).toEqual({ kind: "not started", errno: "ENOENT" });
    expect(await start(folder)).toEqual({ kind: "not started", errno: "EACCES" });
    expect(await start(file)).toEqual({ kind: "not started", errno: "EACCES" });
  }));

it.each(["sleep 60 & echo $! > $0; wait", `trap "" TERM; sleep 60 & echo $! > $0; while :; do wait; done`])(
  "after its time, the program and what it started are gone: %s",
  (script) =>
    withFolder(async (folder) => {
      const file = join(folder, "pid");
      const end = await runProgram(["sh", "-c", script, file], ENV, never, { timeMs: 300, graceMs: 100 });
      expect(end).toEqual({ kind: "too slow" });
      expect(existsSync(file)).toBe(true);
      const pid = Number(readFileSync(file, "utf8"));
      await expect.poll(() => isRunning(pid)).toBe(false);
    }),
);

it("when this process exits, the program and its child processes end too", () =>
  withFolder(async (folder) => {
    const file = join(folder, "pid");
    let exit = (): void => undefined;
    const running = runProgram(["sh", "-c", "sleep 60 & echo $! > $0; wait", file], ENV, (action) => {
      exit = action;
      return () => undefined;
    });
    await expect.poll(() => existsSync(file) && readFileSync(file, "utf8").endsWith("\n")).toBe(true);
    exit();
    expect(await running).toEqual({ kind: "failed", by: "SIGKILL" });
    const pid = Number(readFileSync(file, "utf8"));
    await expect.poll(() => isRunning(pid)).toBe(false);
  }));

/** The words that `sh` finds, with globbing switched off. */
function splitByShell(commands: readonly string[]): string[][] {
  // The marks are characters that no command has.
  const script = commands.map((command) => `printf '%s\\001' ${command}\nprintf '\\002'`).join("\n");
  const output = execFileSync("sh", ["-f", "-c", script], { encoding: "utf8" });
  return output
    .split("\u0002")
    .slice(0, -1)
    .map((words) => words.split("\u0001").slice(0, -1));
}

it("sh splits every accepted command into the same words", () => {
  const piece = fc.constantFrom(
    ...[
      "a",
      "b",
      "=",
      "-",
      "/",
      ".",
      "é",
      "~",
      "#",
      "%",
      "!",
      "{",
      "}",
      ",",
      ":",
      "[",
      "]",
      "*",
      "?",
      "^",
      "@",
    ],
    ...[
      " ",
      "  ",
      "\t",
      "\n",
      "'",
      '"',
      "\\",
      "\\\\",
      "\\'",
      '\\"',
      "\\\n",
      "$",
      "`",
      "|",
      "&",
      ";",
      "(",
      "<",
      ">",
    ],
    ...["'a b'", '"a b"', "'\"'", `"'"`, "''", '""', '"\\a"', '"\\\\"', '"\\$"', "'\\'"],
  );
  const texts = fc.sample(fc.array(piece, { maxLength: 8 }), { numRuns: 2_000, seed: 7 });
  const accepted = texts.flatMap((pieces) => {
    const text = `a ${pieces.join("")}`;
    const command = splitCommand(text);
    return command.ok ? [{ text, words: command.words }] : [];
  });
  expect(accepted.length).toBeGreaterThan(300);
  expect(splitByShell(accepted.map(({ text }) => text))).toEqual(accepted.map(({ words }) => words));
});
