import { expect, it } from "vitest";
import { readIdentityFile } from "../../src/config/recovery.ts";
import { reading } from "./told.ts";

const TEXT = "AGE-SECRET-KEY-1QQQ\n";
const files: Readonly<Record<string, string>> = { "/mine": TEXT, "/windows": `\uFEFF${TEXT}`, "/empty": "" };
const read = (path: string, code = "ENOENT") =>
  reading((problems) =>
    readIdentityFile(
      path,
      () => {
        const text = files[path];
        if (text === undefined) throw Object.assign(new Error(path), { code });
        return text;
      },
      problems,
    )?.reveal(),
  );

it.each(["/mine", "/windows"])("the file %s gives its text, without a byte order mark", (path) => {
  expect(read(path)).toEqual({ value: TEXT, told: [] });
});

it.each([
  ["/none", "ENOENT", "--identity: the file /none does not exist (ENOENT)."],
  ["/run", "EISDIR", "--identity: the file /run is a folder: name a file (EISDIR)."],
  ["/empty", "", "--identity: the file /empty is empty."],
  [
    "AGE-SECRET-KEY-1QQQ",
    "ENOENT",
    "--identity takes the path of a file, but its value looks like a key. Set the path.",
  ],
])("%s is no file that can be read: %s", (path, code, sentence) => {
  expect(read(path, code)).toEqual({ value: undefined, told: [sentence] });
});
