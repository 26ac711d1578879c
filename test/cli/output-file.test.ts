import { expect, it } from "vitest";
import { writeOutputFile } from "../../src/config/files.ts";

it("hands path and text on", async () => {
  const written: string[] = [];
  const writeFile = async (...given: string[]): Promise<void> => {
    await Promise.resolve();
    written.push(...given);
  };
  await writeOutputFile(writeFile, "--html", "page.html", "text");
  expect(written).toEqual(["page.html", "text"]);
});

it.each([
  [
    "page.html",
    { code: "EROFS" },
    "--html / FETCH_ETL_HTML: the file page.html cannot be written: its file system is read-only. Name a file on another one (EROFS).",
  ],
  [
    "a\u001b[2J\n.html",
    { code: "ENOSPC" },
    "--html / FETCH_ETL_HTML: the file a�[2J�.html cannot be written: no space is left on its file system. Free some, or name a file on another one (ENOSPC).",
  ],
  ["page.html", { code: "EIO" }, "--html / FETCH_ETL_HTML: the file page.html cannot be written (EIO)."],
  ["page.html", {}, "--html / FETCH_ETL_HTML: the file page.html cannot be written (unknown)."],
])(
  "names the flag, the path %j and the reason of %j when it cannot be written",
  async (path, error, message) => {
    const writeFile = (): Promise<void> => Promise.reject(Object.assign(new Error("with /a/path"), error));
    await expect(writeOutputFile(writeFile, "--html", path, "text")).rejects.toMatchObject({
      name: "Failure",
      kind: "configuration",
      message,
    });
  },
);
