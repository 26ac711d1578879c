// `mapping show`, `mapping check` and `mapping try`, as they are run.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runHere } from "../../support/command-line.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fetch-etl-mapping-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(content: string | Uint8Array): string {
  const path = join(folder, "mapping.yaml");
  writeFileSync(path, content);
  return path;
}

const MISTAKES = "version: 1\ntable: public.t\ncolumns:\n  a: { mask: tokn }\n  b: { type: date, max: 3 }\n";
const WARNED = "version: 1\ntable: public.t\ncolumns: { a: { type: jsonb }, b: { mask: token } }\n";

it("check accepts what show prints", async () => {
  const shown = await runHere(["mapping", "show"], {});
  expect(shown).toMatchObject({ code: 0, stderr: "" });
  expect(await runHere(["mapping", "check", file(shown.stdout)], {})).toEqual({
    code: 0,
    stdout: "public.user_logins: 7 columns, 2 masked; no mistakes\n",
    stderr: "",
  });
});

it("check tells every mistake as compilers do, and exits with 2", async () => {
  const path = file(MISTAKES);
  expect(await runHere(["mapping", "check", path], {})).toEqual({
    code: 2,
    stdout:
      `${path}:4:14: columns.a.mask: "tokn" is not possible. Did you mean token?\n` +
      `${path}:5:25: columns.b.max: max is only for text: date has no length.\n`,
    stderr: "",
  });
});

it("check reads standard input", async () => {
  const { code, stdout } = await runHere(["mapping", "check", "-"], {}, MISTAKES);
  expect(code).toBe(2);
  expect(stdout).toMatch(/^standard input:4:14: .*\nstandard input:5:25: .*\n$/);
});

it("check warns of what goes into the table in the clear", async () => {
  const { code, stdout, stderr } = await runHere(["mapping", "check", "-"], {}, WARNED);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "public.t: 2 columns, 1 masked; no mistakes\n" });
  expect(stderr).toMatch(/^warning: Column "a" keeps all of a JSON value/);
});

it("check prints one JSON object, also with mistakes", async () => {
  const check = ["mapping", "check", "-", "--json"];
  const wrong = await runHere(check, {}, MISTAKES);
  expect(wrong).toMatchObject({ code: 2, stderr: "" });
  expect(JSON.parse(wrong.stdout)).toEqual({
    schemaVersion: expect.any(Number),
    command: "mapping check",
    valid: false,
    mistakes: [
      { line: 4, column: 14, sentence: expect.stringMatching(/^columns\.a\.mask/) },
      { line: 5, column: 25, sentence: expect.stringMatching(/^columns\.b\.max/) },
    ],
    warnings: [],
  });
  const right = await runHere(check, {}, WARNED);
  expect(right.code).toBe(0);
  expect(JSON.parse(right.stdout)).toMatchObject({
    valid: true,
    mistakes: [],
    warnings: [expect.any(String)],
  });
});

it.each([
  ["is missing", undefined, "does not exist (ENOENT)"],
  ["is empty", "", "is empty"],
  ["is UTF-16", Buffer.from("version: 1", "utf16le"), "is not UTF-8 text"],
  ["is not UTF-8", Buffer.from([0x61, 0xff]), "is not UTF-8 text"],
])("check fails with 2 where the file %s", async (_what, content, reason) => {
  const path = content === undefined ? join(folder, "none.yaml") : file(content);
  const { code, stdout, stderr } = await runHere(["mapping", "check", path], {});
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(`The mapping: the file ${path} ${reason}`);
});

const SKIPPING =
  "version: 1\ntable: public.t\nrecords: to\nwhen: { kind: sent }\nunmatched: skip\ncolumns: { to: { from: $record } }\n";

it.each([
  [
    "everything",
    '{"kind":"sent","to":["a","b"]}\n',
    /^warning: The mapping skipped everything\. .*\$message is the message\.\n$/,
  ],
  ["not everything", '{"kind":"sent","to":["a",{"kind":"sent"}]}\n', /^$/],
  ["nothing, because there is nothing", "", /^$/],
])("try warns that a mapping skips %s", async (_what, bodies, warning) => {
  const { code, stderr } = await runHere(["mapping", "try", file(SKIPPING)], {}, bodies);
  expect(code).toBe(0);
  expect(stderr).toMatch(warning);
});

it("try counts empty lines, so that its numbers are those of an editor", async () => {
  const { stdout } = await runHere(["mapping", "try", file(SKIPPING)], {}, '\n\n{"to":[]}\n');
  expect(JSON.parse(stdout)).toMatchObject({ line: 3 });
});

it("try reads the mapping of FETCH_ETL_MAPPING if there is no argument", async () => {
  const { stdout } = await runHere(["mapping", "try"], { FETCH_ETL_MAPPING: file(SKIPPING) }, '{"to":[]}\n');
  expect(JSON.parse(stdout)).toMatchObject({ line: 1, skipped: true });
});

it("check fails with 2 where standard input is not UTF-8", async () => {
  const { code, stderr } = await runHere(["mapping", "check", "-"], {}, Buffer.from([0xff]));
  expect({ code, stderr }).toEqual({ code: 2, stderr: "error: Standard input is not UTF-8 text.\n" });
});

it("try needs a masking key only where a column is masked", async () => {
  const mapping = "version: 1\ntable: public.t\ndedupe: a\ncolumns: { a: {} }\n";
  const body = '{"a":"x"}\n';
  const { code, stdout } = await runHere(["mapping", "try", file(mapping)], {}, body);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ line: 1, record: 0, row: { a: "x" } });
  const masked = await runHere(["mapping", "try", file(mapping.replace("{}", "{ mask: token }"))], {}, body);
  expect(masked).toMatchObject({ code: 2, stdout: "" });
  expect(masked.stderr).toContain("FETCH_ETL_MASKING_KEY");
});

it("try prints every record of a message", async () => {
  const path = file("version: 1\ntable: public.t\nrecords: $message\ncolumns: { a: {} }\n");
  const records = Array.from({ length: 1_001 }, (_each, index) => ({ a: String(index) }));
  const { stdout } = await runHere(["mapping", "try", path], {}, JSON.stringify(records));
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(1_001);
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ line: 1, record: 1_000, row: { a: "1000" } });
});
