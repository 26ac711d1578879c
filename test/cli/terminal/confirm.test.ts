import { describe, expect, test } from "vitest";
import { confirm } from "../../../src/cli/terminal/confirm.ts";
import { openLog } from "../../../src/cli/log/log.ts";
import type { LogFormat } from "../../../src/config/log-format.ts";
import { Failure } from "../../../src/failure.ts";

interface Scene {
  readonly answer?: string | undefined;
  readonly stdin?: boolean;
  readonly stderr?: boolean;
  readonly format?: LogFormat;
  readonly yes?: boolean;
  readonly columns?: number;
}

/** Asks, with the answer at hand; both streams are terminals if not told otherwise. */
async function ask({ answer, stdin = true, stderr = true, format = "text", yes, columns = 80 }: Scene) {
  let written = "";
  let asked = 0;
  const output = {
    ...{ stream: process.stderr, isTerminal: stderr, columns },
    write: (text: string) => void (written += text),
  };
  const log = openLog({ stderr: output, env: {}, flags: {}, format, epochNow: () => 0 });
  const input = {
    isTerminal: stdin,
    readAll: () => Promise.reject(new Error("reads all of the input")),
    readLine: () => {
      asked += 1;
      return Promise.resolve(answer);
    },
  };
  const confirmed = await confirm({ stdin: input, stderr: output, log }, "Delete 3 messages for ever?", yes);
  return { confirmed, written, asked };
}

describe("a command that deletes for ever", () => {
  test.each(["y", "yes", "Y", " Yes "])("goes ahead after %j", async (answer) => {
    expect(await ask({ answer })).toEqual({
      ...{ confirmed: true, written: "Delete 3 messages for ever? [y/N] ", asked: 1 },
    });
  });

  test("wraps its question on a narrow terminal", async () => {
    expect((await ask({ answer: "y", columns: 24 })).written).toBe("Delete 3 messages for\n  ever? [y/N] ");
  });

  test.each(["", "n", "no", "yess", "j", "y y"])("changes nothing after %j", async (answer) => {
    expect(await ask({ answer })).toEqual({
      ...{ confirmed: false, written: "Delete 3 messages for ever? [y/N] Nothing was changed.\n", asked: 1 },
    });
  });

  test("changes nothing at the end of the input, and ends the line", async () => {
    expect(await ask({ answer: undefined })).toMatchObject({
      ...{ confirmed: false, written: "Delete 3 messages for ever? [y/N] \nNothing was changed.\n" },
    });
  });

  test.each([
    ["without a terminal on standard input", { stdin: false }],
    ["without a terminal on stderr", { stderr: false }],
    ["with a JSON log", { format: "json" }],
  ] as const)("needs --yes %s", async (_, scene) => {
    const failed = await ask({ ...scene, answer: "y" }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(Failure);
    expect(failed).toMatchObject({ kind: "configuration", message: expect.stringContaining("--yes") });
    expect(await ask({ ...scene, yes: true })).toEqual({ confirmed: true, written: "", asked: 0 });
  });
});
