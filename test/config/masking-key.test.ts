import { describe, expect, it } from "vitest";
import { readMaskingKeys } from "../../src/config/masking-key.ts";
import { reading } from "./told.ts";

const bytes = Uint8Array.from({ length: 32 }, (_, index) => 0xff - index);
const base64 = Buffer.from(bytes).toString("base64");
const base64url = Buffer.from(bytes).toString("base64url");
const longer = Buffer.alloc(48, 0xab);

/** Files by their paths; every other cannot be read. */
const files: Readonly<Record<string, string>> = {
  "/alone": base64,
  "/alone-with-line-end": `${base64}\n`,
  "/windows": `${base64}\r\n`,
  "/base64url": base64url,
  "/line": `FETCH_ETL_MASKING_KEY=${base64}\n`,
  "/padded": `\n  ${base64}  \n\n`,
  "/empty": "",
  "/blank": " \n",
  "/short": "c2hvcnQtYnV0LXNlY3JldA==",
  "/text": "correct horse battery staple",
  "/two-lines": `FETCH_ETL_MASKING_KEY=${base64}\r\n${longer.toString("base64")}\n`,
  "/other-variable": `MASKING_KEY=${base64}\n`,
};

function readFile(path: string): string {
  const text = files[path];
  if (text === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
  return text;
}

function read(env: NodeJS.ProcessEnv): { keys: readonly Uint8Array[] | undefined; told: string[] } {
  const { value, told } = reading((problems) => readMaskingKeys(env, readFile, problems));
  return { keys: value?.reveal(), told };
}

describe("a masking key", () => {
  it.each([
    ["in base64", { FETCH_ETL_MASKING_KEY: base64 }],
    ["in base64 without padding", { FETCH_ETL_MASKING_KEY: base64.replace("=", "") }],
    ["in base64url", { FETCH_ETL_MASKING_KEY: base64url }],
    ["with white space around it", { FETCH_ETL_MASKING_KEY: ` ${base64}\n` }],
    [
      "beside an empty variable for the file",
      { FETCH_ETL_MASKING_KEY: base64, FETCH_ETL_MASKING_KEY_FILE: "" },
    ],
    ["in a file", { FETCH_ETL_MASKING_KEY_FILE: "/alone" }],
    [
      "in a file beside an empty variable",
      { FETCH_ETL_MASKING_KEY: "", FETCH_ETL_MASKING_KEY_FILE: "/alone" },
    ],
    ["in a file with a line end", { FETCH_ETL_MASKING_KEY_FILE: "/alone-with-line-end" }],
    ["in a file with a line end of Windows", { FETCH_ETL_MASKING_KEY_FILE: "/windows" }],
    ["in a file, base64url", { FETCH_ETL_MASKING_KEY_FILE: "/base64url" }],
    ["in a file, as the line that keygen prints", { FETCH_ETL_MASKING_KEY_FILE: "/line" }],
    ["in a file, with white space around it", { FETCH_ETL_MASKING_KEY_FILE: "/padded" }],
  ])("is read %s", (_how, env) => {
    expect(read(env)).toEqual({ keys: [bytes], told: [] });
  });

  it("may be longer than 32 bytes", () => {
    expect(read({ FETCH_ETL_MASKING_KEY: longer.toString("base64") }).keys).toEqual([
      Uint8Array.from(longer),
    ]);
  });

  it.each([
    ["with commas", { FETCH_ETL_MASKING_KEY: `${base64} , ${longer.toString("base64")}` }],
    ["on lines of a file", { FETCH_ETL_MASKING_KEY_FILE: "/two-lines" }],
  ])("may be followed by earlier ones, %s", (_how, env) => {
    expect(read(env)).toEqual({ keys: [bytes, Uint8Array.from(longer)], told: [] });
  });

  it("has two characters that base64 and base64url write differently", () => {
    expect(base64).not.toBe(`${base64url}=`);
  });
});

const missing =
  'There is no masking key: set FETCH_ETL_MASKING_KEY or FETCH_ETL_MASKING_KEY_FILE. "fetch-etl keygen >> .env" makes one; keep it safe, because tokens made with another key do not match.';
const notBase64 = 'FETCH_ETL_MASKING_KEY is not base64: "fetch-etl keygen" prints a key that is.';
const fileNotBase64 =
  'The file that FETCH_ETL_MASKING_KEY_FILE names is not base64: "fetch-etl keygen" prints a key that is.';
const unreadable = "FETCH_ETL_MASKING_KEY_FILE names a file that cannot be read.";
const short = (length: number): string =>
  `FETCH_ETL_MASKING_KEY is ${length} bytes long; it must be 32 or more: "fetch-etl keygen" prints one.`;

describe("a masking key that cannot be used is told, and never shown:", () => {
  it.each<[string, NodeJS.ProcessEnv, string]>([
    ["none", {}, missing],
    ["empty ones", { FETCH_ETL_MASKING_KEY: "", FETCH_ETL_MASKING_KEY_FILE: "" }, missing],
    [
      "two",
      { FETCH_ETL_MASKING_KEY: base64, FETCH_ETL_MASKING_KEY_FILE: "/alone" },
      "Both FETCH_ETL_MASKING_KEY and FETCH_ETL_MASKING_KEY_FILE are set: unset one of them.",
    ],
    ["a text", { FETCH_ETL_MASKING_KEY: "correct horse battery staple" }, notBase64],
    ["hexadecimal with colons", { FETCH_ETL_MASKING_KEY: "de:ad:be:ef" }, notBase64],
    ["padding in the middle", { FETCH_ETL_MASKING_KEY: `${base64}${base64}` }, notBase64],
    ["too much padding", { FETCH_ETL_MASKING_KEY: `${base64}==` }, notBase64],
    ["padding alone", { FETCH_ETL_MASKING_KEY: "==" }, notBase64],
    ["white space", { FETCH_ETL_MASKING_KEY: " " }, notBase64],
    ["a short one", { FETCH_ETL_MASKING_KEY: "c2hvcnQtYnV0LXNlY3JldA==" }, short(16)],
    ["31 bytes", { FETCH_ETL_MASKING_KEY: Buffer.alloc(31, 0xab).toString("base64") }, short(31)],
    ["a file that is not there", { FETCH_ETL_MASKING_KEY_FILE: "/none" }, unreadable],
    ["a file's name that is the key itself", { FETCH_ETL_MASKING_KEY_FILE: base64 }, unreadable],
    ["an empty file", { FETCH_ETL_MASKING_KEY_FILE: "/empty" }, fileNotBase64],
    ["a blank file", { FETCH_ETL_MASKING_KEY_FILE: "/blank" }, fileNotBase64],
    ["a file with a text", { FETCH_ETL_MASKING_KEY_FILE: "/text" }, fileNotBase64],
    [
      "several, of which one is a text",
      { FETCH_ETL_MASKING_KEY: `${base64},correct horse` },
      'Key 2 of FETCH_ETL_MASKING_KEY is not base64: "fetch-etl keygen" prints a key that is.',
    ],
    [
      "several, of which one is empty",
      { FETCH_ETL_MASKING_KEY: `${base64},` },
      'Key 2 of FETCH_ETL_MASKING_KEY is not base64: "fetch-etl keygen" prints a key that is.',
    ],
    ["a file with another variable", { FETCH_ETL_MASKING_KEY_FILE: "/other-variable" }, fileNotBase64],
    [
      "a file with a short one",
      { FETCH_ETL_MASKING_KEY_FILE: "/short" },
      `The file that FETCH_ETL_MASKING_KEY_FILE names is 16 bytes long; it must be 32 or more: "fetch-etl keygen" prints one.`,
    ],
  ])("%s", (_what, env, sentence) => {
    expect(read(env)).toEqual({ keys: undefined, told: [sentence] });
  });
});
