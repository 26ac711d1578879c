import { describe, expect, it } from "vitest";
import { readMaskingKeys } from "../../src/config/masking-key.ts";
import { Problems } from "../../src/config/readers.ts";
import { IN_VARIABLES } from "../../src/config/secret-settings.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { resolved } from "../support/secrets.ts";
import { readingLater } from "./told.ts";

const bytes = Uint8Array.from({ length: 32 }, (_, index) => 0xff - index);
const base64 = Buffer.from(bytes).toString("base64");
const base64url = Buffer.from(bytes).toString("base64url");
const longer = Buffer.alloc(48, 0xab);

/** A key of so many bytes, in lines as `base64` and `openssl base64` write it, or with something else at their ends. */
function wrapped(size: number, width: number, lineEnd = "\n"): string {
  const text = Buffer.from(Array.from({ length: size }, (_, index) => (index * 37) % 256)).toString("base64");
  return text.match(new RegExp(`.{1,${width}}`, "g"))?.join(lineEnd) ?? "";
}

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
  "/commas": `FETCH_ETL_MASKING_KEY=${base64},\r\n${longer.toString("base64")}\n`,
  "/two-lines": `FETCH_ETL_MASKING_KEY=${base64}\r\n${longer.toString("base64")}\n`,
  "/byte-order-mark": `\uFEFF${base64}\r\n`,
  "/exported": `export FETCH_ETL_MASKING_KEY="${base64}"\n`,
  "/utf-16": `\uFFFD\uFFFD${base64.replace(/./g, "$&\0")}`,
  "/pem": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n",
  "/wrapped": `${wrapped(64, 64)}\n`,
  "/other-variable": `MASKING_KEY=${base64}\n`,
};

const codes: Readonly<Record<string, string>> = {
  "/secret": "EACCES",
  "/run": "EISDIR",
  "/key/below": "ENOTDIR",
  "/circle": "ELOOP",
  "/broken": "EIO",
};

function readFile(path: string): string {
  const text = files[path];
  if (text === undefined) {
    throw Object.assign(new Error("told by its code alone"), { code: codes[path] ?? "ENOENT" });
  }
  return text;
}

function idOf(key: Uint8Array): string {
  return deriveKeys(key).keyId;
}

/** The ids of the keys, which tell other bytes apart. */
async function read(
  env: NodeJS.ProcessEnv,
): Promise<{ keys: readonly string[] | undefined; told: string[] }> {
  const { value, told } = await readingLater(async (problems) =>
    readMaskingKeys(await resolved(env, { readFile }, problems, ["FETCH_ETL_MASKING_KEY"]), problems),
  );
  return { keys: value?.map(({ keyId }) => keyId), told };
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
    ["in a file, after a byte order mark", { FETCH_ETL_MASKING_KEY_FILE: "/byte-order-mark" }],
    ["in a file, as a shell exports it", { FETCH_ETL_MASKING_KEY_FILE: "/exported" }],
    ["in quotes", { FETCH_ETL_MASKING_KEY: `'${base64}'` }],
  ])("is read %s", async (_how, env) => {
    expect(await read(env)).toEqual({ keys: [idOf(bytes)], told: [] });
  });

  it("may be longer than 32 bytes", async () => {
    expect((await read({ FETCH_ETL_MASKING_KEY: longer.toString("base64") })).keys).toEqual([idOf(longer)]);
  });

  it.each([
    ["with commas", { FETCH_ETL_MASKING_KEY: `${base64} , ${longer.toString("base64")}` }],
    ["with commas at the ends of a file's lines", { FETCH_ETL_MASKING_KEY_FILE: "/commas" }],
  ])("may be followed by earlier ones, %s", async (_how, env) => {
    expect(await read(env)).toEqual({ keys: [idOf(bytes), idOf(longer)], told: [] });
  });

  it("has two characters that base64 and base64url write differently", () => {
    expect(base64).not.toBe(`${base64url}=`);
  });
});

describe("a masking key over several lines", () => {
  it.each([
    ["at 64 columns, as openssl does", wrapped(64, 64)],
    ["at 76 columns, as base64 does", wrapped(64, 76)],
    ["with Windows' line ends", wrapped(64, 64, "\r\n")],
    ["with blanks, as YAML folds lines", wrapped(64, 64, " ")],
    ["over three lines", wrapped(110, 64)],
    ["without padding", wrapped(64, 64).replace(/=+$/, "")],
  ])("is one key when it is wrapped %s", async (_how, text) => {
    const key = Buffer.from(text.replace(/\s/g, ""), "base64");
    expect(await read({ FETCH_ETL_MASKING_KEY: text })).toEqual({ keys: [idOf(key)], told: [] });
    expect(await read({ FETCH_ETL_MASKING_KEY: `${text},${base64}` })).toEqual({
      keys: [idOf(key), idOf(bytes)],
      told: [],
    });
  });

  it("is one key in a file too", async () => {
    const key = Buffer.from(wrapped(64, 64), "base64");
    expect(await read({ FETCH_ETL_MASKING_KEY_FILE: "/wrapped" })).toEqual({ keys: [idOf(key)], told: [] });
  });

  it.each([
    ["two keys with padding", `${base64}\n${base64}`],
    ["two keys without", `${base64url}\n${base64url}`],
    [
      "two keys, each as keygen prints it",
      `FETCH_ETL_MASKING_KEY=${base64}\nFETCH_ETL_MASKING_KEY=${base64}`,
    ],
    ["96 bytes at 64 columns, which may be two keys of 48 bytes", wrapped(96, 64)],
    ["two keys with a blank between them", `${base64} ${base64}`],
    ["a key, and one that was cut", `${base64url}\n${base64url.slice(0, 40)}`],
    ["lines of different lengths", `${wrapped(48, 64)}\nAAAA\nAAAAAAAA`],
    ["lines that are not base64 when they are joined", `${wrapped(48, 64)}\nAAAAA`],
    ["a key that is wrapped, before a comma and a key", `${wrapped(96, 64)},${base64}`],
  ])("is rejected if it may be several keys: %s", async (_what, text) => {
    expect(await read({ FETCH_ETL_MASKING_KEY: text })).toEqual({
      keys: undefined,
      told: [
        expect.stringMatching(
          /^FETCH_ETL_MASKING_KEY has [23] parts .* may be one key or several\. Write each key on one line, and separate keys with commas\.$/,
        ),
      ],
    });
  });

  it("is never read as another list of keys than its lines contain", async () => {
    const text = files["/two-lines"] ?? "";
    expect(text).toContain(base64);
    expect(await read({ FETCH_ETL_MASKING_KEY_FILE: "/two-lines" })).toEqual({
      keys: undefined,
      told: [expect.stringContaining("separate keys with commas")],
    });
  });
});

const missing =
  "No masking key is configured, and there is no .env in this folder. Set FETCH_ETL_MASKING_KEY, FETCH_ETL_MASKING_KEY_FILE or FETCH_ETL_MASKING_KEY_COMMAND to the key that masked the existing rows: " +
  'tokens of another key do not match theirs. Only if there are no rows yet, "fetch-etl keygen >> .env" creates a key.';
const restore = "Restore the key from your copy. A new key is no replacement.";
const notBase64 = `FETCH_ETL_MASKING_KEY is not base64. ${restore}`;
const fileNotBase64 = `The file that FETCH_ETL_MASKING_KEY_FILE names is not base64. ${restore}`;
const file = (text: string): string => `FETCH_ETL_MASKING_KEY_FILE: the file ${text}`;
const noPath =
  "FETCH_ETL_MASKING_KEY_FILE takes the path of a file, but its value looks like a key. Set the path.";
const short = (length: number): string =>
  `FETCH_ETL_MASKING_KEY is ${length} bytes long, but 32 or more are required. Was it truncated? ${restore}`;

describe("a masking key that cannot be used is told, and never shown:", () => {
  it.each<[string, NodeJS.ProcessEnv, string]>([
    ["none", {}, missing],
    ["empty ones", { FETCH_ETL_MASKING_KEY: "", FETCH_ETL_MASKING_KEY_FILE: "" }, missing],
    [
      "two",
      { FETCH_ETL_MASKING_KEY: base64, FETCH_ETL_MASKING_KEY_FILE: "/alone" },
      "Both FETCH_ETL_MASKING_KEY and FETCH_ETL_MASKING_KEY_FILE are set. Unset one of them.",
    ],
    ["a text", { FETCH_ETL_MASKING_KEY: "correct horse battery staple" }, notBase64],
    [
      "hexadecimal with colons",
      { FETCH_ETL_MASKING_KEY: "de:ad:be:ef" },
      notBase64.replace("base64.", "base64 but hexadecimal."),
    ],
    [
      "a quotation mark before it",
      { FETCH_ETL_MASKING_KEY: `"${base64}` },
      notBase64.replace("is not base64", "begins with a quotation mark, and does not end with the same one"),
    ],
    [
      "a quotation mark after it",
      { FETCH_ETL_MASKING_KEY: `${base64}'` },
      notBase64.replace("is not base64", "ends with a quotation mark, and does not begin with the same one"),
    ],
    ["words of one length", { FETCH_ETL_MASKING_KEY: "long word ".repeat(9).trim() }, notBase64],
    ["padding in the middle", { FETCH_ETL_MASKING_KEY: `${base64}${base64}` }, notBase64],
    ["too much padding", { FETCH_ETL_MASKING_KEY: `${base64}==` }, notBase64],
    ["padding alone", { FETCH_ETL_MASKING_KEY: "==" }, notBase64],
    ["white space", { FETCH_ETL_MASKING_KEY: " " }, notBase64],
    ["a short one", { FETCH_ETL_MASKING_KEY: "c2hvcnQtYnV0LXNlY3JldA==" }, short(16)],
    ["31 bytes", { FETCH_ETL_MASKING_KEY: Buffer.alloc(31, 0xab).toString("base64") }, short(31)],
    [
      "a PEM file",
      { FETCH_ETL_MASKING_KEY_FILE: "/pem" },
      fileNotBase64.replace("base64.", "base64 but a PEM file."),
    ],
    [
      "a file that is not there",
      { FETCH_ETL_MASKING_KEY_FILE: "/none" },
      file("/none does not exist (ENOENT)."),
    ],
    [
      "a file that nobody else may read",
      { FETCH_ETL_MASKING_KEY_FILE: "/secret" },
      file(
        "/secret cannot be read by this user: check its permissions, and those of the folders above it (EACCES).",
      ),
    ],
    ["a folder", { FETCH_ETL_MASKING_KEY_FILE: "/run" }, file("/run is a folder: name a file (EISDIR).")],
    [
      "a path through a file",
      { FETCH_ETL_MASKING_KEY_FILE: "/key/below" },
      file("/key/below does not exist: part of its path is a file, not a folder (ENOTDIR)."),
    ],
    [
      "a link to itself",
      { FETCH_ETL_MASKING_KEY_FILE: "/circle" },
      file("/circle is a symbolic link that leads back to itself (ELOOP)."),
    ],
    ["a broken disk", { FETCH_ETL_MASKING_KEY_FILE: "/broken" }, file("/broken cannot be read (EIO).")],
    [
      "a path that would move a terminal's cursor",
      { FETCH_ETL_MASKING_KEY_FILE: "/a\u001b[2Jb" },
      file("/a\uFFFD[2Jb does not exist (ENOENT)."),
    ],
    [
      "a long path, which no key is like",
      { FETCH_ETL_MASKING_KEY_FILE: "/run/secrets/kubernetes/fetch-etl/masking-key" },
      file("/run/secrets/kubernetes/fetch-etl/masking-key does not exist (ENOENT)."),
    ],
    ["a file's name that is the key itself", { FETCH_ETL_MASKING_KEY_FILE: base64 }, noPath],
    ["a file's name that is a key in hexadecimal", { FETCH_ETL_MASKING_KEY_FILE: "0f".repeat(32) }, noPath],
    ["a file's name that is a list of keys", { FETCH_ETL_MASKING_KEY_FILE: `k,${base64url}` }, noPath],
    [
      "a file's name that is keygen's line",
      { FETCH_ETL_MASKING_KEY_FILE: `FETCH_ETL_MASKING_KEY=${base64}` },
      noPath,
    ],
    ["a file's name that is a wrapped key", { FETCH_ETL_MASKING_KEY_FILE: wrapped(64, 30) }, noPath],
    ["a file's name that is an age identity", { FETCH_ETL_MASKING_KEY_FILE: "AGE-SECRET-KEY-1QQQ" }, noPath],
    ["an empty file", { FETCH_ETL_MASKING_KEY_FILE: "/empty" }, file("/empty is empty.")],
    ["a blank file", { FETCH_ETL_MASKING_KEY_FILE: "/blank" }, file("/blank is empty.")],
    [
      "a file in UTF-16",
      { FETCH_ETL_MASKING_KEY_FILE: "/utf-16" },
      file("/utf-16 is not UTF-8 text: it may be UTF-16, as PowerShell writes it. Save it as UTF-8."),
    ],
    ["a file with a text", { FETCH_ETL_MASKING_KEY_FILE: "/text" }, fileNotBase64],
    [
      "several, of which one is a text",
      { FETCH_ETL_MASKING_KEY: `${base64},correct horse` },
      `Key 2 of FETCH_ETL_MASKING_KEY is not base64. ${restore}`,
    ],
    [
      "several, of which one is empty",
      { FETCH_ETL_MASKING_KEY: `${base64},` },
      `Key 2 of FETCH_ETL_MASKING_KEY is not base64. ${restore}`,
    ],
    ["a file with another variable", { FETCH_ETL_MASKING_KEY_FILE: "/other-variable" }, fileNotBase64],
    [
      "a file with a short one",
      { FETCH_ETL_MASKING_KEY_FILE: "/short" },
      `The file that FETCH_ETL_MASKING_KEY_FILE names is 16 bytes long, but 32 or more are required. Was it truncated? ${restore}`,
    ],
  ])("%s", async (_what, env, sentence) => {
    expect(await read(env)).toEqual({ keys: undefined, told: [sentence] });
  });
});

it.each([
  [undefined, "there is no .env in this folder"],
  [{ path: ".env" }, ".env in this folder does not set it"],
  [{ path: "/etc/etl.env" }, "/etc/etl.env does not set it"],
])("a key is missing, and the file of variables is %j", (dotEnv, place) => {
  const problems = new Problems();
  readMaskingKeys({ env: {}, secrets: IN_VARIABLES, dotEnv }, problems);
  expect(problems.sentences).toEqual([missing.replace("there is no .env in this folder", place)]);
});
