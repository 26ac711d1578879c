import { expect, it } from "vitest";
import { writeOutputFile } from "../../src/cli/output-file.ts";

it("hands path and text on", async () => {
  const written: string[] = [];
  const writeFile = async (...given: string[]): Promise<void> => {
    await Promise.resolve();
    written.push(...given);
  };
  await writeOutputFile({ writeFile }, "--html", "page.html", "text");
  expect(written).toEqual(["page.html", "text"]);
});

it.each([
  ["page.html", { code: "EACCES" }, "--html: page.html cannot be written (EACCES)."],
  ["a\u001b[2J\n.html", { code: "ENOSPC" }, "--html: a�[2J�.html cannot be written (ENOSPC)."],
  ["page.html", {}, "--html: page.html cannot be written."],
])("names the flag and the path %j when it cannot be written", async (path, error, message) => {
  const writeFile = (): Promise<void> => Promise.reject(Object.assign(new Error("with /a/path"), error));
  await expect(writeOutputFile({ writeFile }, "--html", path, "text")).rejects.toMatchObject({
    name: "Failure",
    kind: "configuration",
    message,
  });
});
