import { describe, expect, it } from "vitest";
import { readDotEnv, type DotEnv } from "../../src/cli/dot-env.ts";

const KEY = Buffer.alloc(48, 7).toString("base64");

function read(bytes: string | Uint8Array): DotEnv | undefined {
  return readDotEnv(
    () => Buffer.from(bytes),
    () => true,
  );
}

function failing(code: string, isThere = true): DotEnv | undefined {
  return readDotEnv(
    () => {
      throw Object.assign(new Error("told by its code alone"), { code });
    },
    () => isThere,
  );
}

const refusal = (sentence: string): unknown =>
  expect.objectContaining({ kind: "configuration", message: sentence });

describe("a .env", () => {
  it.each([
    ["plain", "FETCH_ETL_QUEUE=q\nPGPASSWORD=' p '\n"],
    ["with a byte order mark", "\uFEFFFETCH_ETL_QUEUE=q\nPGPASSWORD=' p '\n"],
    ["with Windows' line ends", "FETCH_ETL_QUEUE=q\r\nPGPASSWORD=' p '\r\n"],
    ["with both", "\uFEFFFETCH_ETL_QUEUE=q\r\nPGPASSWORD=' p '"],
  ])("is read %s", (_how, text) => {
    expect(read(text)?.values).toEqual({ FETCH_ETL_QUEUE: "q", PGPASSWORD: " p " });
  });

  it("may be in another encoding where that changes no setting", () => {
    const text = Buffer.concat([
      Buffer.from("# Schl\xFCssel\n", "latin1"),
      Buffer.from("FETCH_ETL_QUEUE=q\n"),
    ]);
    expect(read(text)?.values).toEqual({ FETCH_ETL_QUEUE: "q" });
  });

  const utf16 =
    "The file .env in the working directory is not UTF-8 text: it may be UTF-16, as PowerShell writes it. Save it as UTF-8.";
  it.each([
    ["in UTF-16 with its mark", Buffer.from("\uFEFFFETCH_ETL_QUEUE=q\r\n", "utf16le")],
    [
      "in UTF-16 from its second line on",
      Buffer.concat([Buffer.from("A=1\n"), Buffer.from("B=2\n", "utf16le")]),
    ],
    ["in Latin-1 where a setting is", Buffer.from("PGUSER=J\xFCrgen\n", "latin1")],
  ])("is refused %s", (_how, bytes) => {
    expect(() => read(bytes)).toThrow(refusal(utf16));
  });

  it.each([
    ["FETCH_ETL_MASKING_KEY=a\n\nFETCH_ETL_MASKING_KEY=b\n", "FETCH_ETL_MASKING_KEY", [1, 3]],
    ["# PGUSER=a\nexport PGUSER = a\r\n  PGUSER=a", "PGUSER", [2, 3]],
  ])("is refused if it sets a variable twice: %j", (text, name, [first, second]) => {
    const lines = `in lines ${first} and ${second}: remove one of them`;
    expect(() => read(text)).toThrow(
      refusal(`The file .env in the working directory sets ${name} twice, ${lines}.`),
    );
  });

  it("may set twice what is not a setting of fetch-etl, or is empty the first time", () => {
    expect(read("A=1\nA=2\nPGUSER= \nPGUSER=p\n#PGUSER=q\n")?.values).toEqual({ A: "2", PGUSER: "p" });
  });

  it("is none where there is none", () => {
    expect(failing("ENOENT", false)).toBeUndefined();
  });

  it.each([
    ["ENOENT", "is a symbolic link to a file that does not exist."],
    [
      "EACCES",
      "cannot be read by this user: check its permissions, and those of the folders above it (EACCES).",
    ],
    ["EISDIR", "is a folder: name a file (EISDIR)."],
    ["ENXIO", "cannot be read (ENXIO)."],
  ])("that cannot be read is not taken for missing: %s", (code, why) => {
    expect(() => failing(code)).toThrow(refusal(`The file .env in the working directory ${why}`));
  });

  it.each([
    ["without padding", `FETCH_ETL_MASKING_KEY=${KEY}\nAAAA\n`],
    ["with padding, like the name of an empty variable", `FETCH_ETL_MASKING_KEY=${KEY}\r\nAAA=\r\n`],
    ["encrypted by KMS", `FETCH_ETL_MASKING_KEY=kms:${KEY}\nAAAA\n`],
    ["in a list", `export FETCH_ETL_MASKING_KEY = AAAA,${KEY}\n  AA==`],
  ])("whose masking key continues on the next line is refused: %s", (_how, text) => {
    expect(() => read(text)).toThrow(/FETCH_ETL_MASKING_KEY that seems to continue on the next line/);
  });

  it.each([
    ["a variable", `FETCH_ETL_MASKING_KEY=${KEY}\nFETCH_ETL_QUEUE=q\n`],
    ["an empty variable", `FETCH_ETL_MASKING_KEY=${KEY}\nPGHOST=\n`],
    ["an empty line", `FETCH_ETL_MASKING_KEY=${KEY}\n\nAAA=\n`],
    ["a comment", `FETCH_ETL_MASKING_KEY=${KEY}\n# AAAA\n`],
    ["the rest of it, in quotes", `FETCH_ETL_MASKING_KEY="${KEY}\nAAAA"\n`],
  ])("whose masking key is followed by %s is read", (_what, text) => {
    expect(read(text)?.values["FETCH_ETL_MASKING_KEY"]).toContain(KEY);
  });

  it("with a line that would hide the next setting is refused, and the line is not shown", () => {
    expect(() => read("secret words\nFETCH_ETL_QUEUE=q\n")).toThrow(
      refusal(
        "The file .env in the working directory has a line before FETCH_ETL_QUEUE that is neither NAME=value nor a comment and would hide it.",
      ),
    );
  });
});
