import { describe, expect, it } from "vitest";
import { LOGIN, readMapping, type MappingFlags } from "../../src/config/mapping.ts";
import type { Mapping } from "../../src/mapping/mapping.ts";
import { readingLater } from "./told.ts";

const FILE = "version: 1\ntable: public.t\ncolumns: { a: {} }\n";

function read(flags: MappingFlags): ReturnType<typeof readingLater<Mapping>> {
  const files = new Map([
    ["mapping.yaml", FILE],
    ["wrong.yaml", "version: 1\ntable: public.t\ncolumns:\n  a: { typ: text }\n"],
  ]);
  const readFile = (path: string): string => {
    const text = files.get(path);
    if (text === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
    return text;
  };
  return readingLater((problems) => readMapping(flags, readFile, problems));
}

describe("the mapping is", () => {
  it("the login where nothing is said", async () => {
    expect(await read({})).toEqual({ value: LOGIN, told: [] });
    expect(await read({ appVersion: "full" })).toEqual({ value: LOGIN, told: [] });
  });

  it("the login with the major part of its version alone", async () => {
    const { value, told } = await read({ appVersion: "major" });
    expect(told).toEqual([]);
    const types = (mapping: Mapping): string[] => mapping.columns.map(({ type }) => type);
    expect(types(value)).toEqual(types(LOGIN).map((type) => (type === "version" ? "version_major" : type)));
  });

  it("that of the flag's file", async () => {
    const { value, told } = await read({ mapping: "mapping.yaml" });
    expect({ table: value.table, told }).toEqual({ table: { schema: "public", name: "t" }, told: [] });
  });
});

describe("it is a mistake", () => {
  it.each(["", "Major", "toString"])("to ask for the version style %j", async (appVersion) => {
    expect((await read({ appVersion })).told).toEqual([
      "--app-version / FETCH_ETL_APP_VERSION must be one of: full, major.",
    ]);
  });

  it("to ask for a style of a file's mapping", async () => {
    const { told } = await read({ mapping: "mapping.yaml", appVersion: "major" });
    expect(told).toEqual([expect.stringMatching(/^--app-version is for the built-in mapping/)]);
  });

  it("to name no file, or one that is not there", async () => {
    for (const mapping of ["", "none.yaml"])
      expect((await read({ mapping })).told).toEqual([expect.stringContaining("--mapping")]);
  });

  it("to have one in the file, which is told with its place", async () => {
    expect((await read({ mapping: "wrong.yaml" })).told).toEqual([
      expect.stringMatching(/^wrong\.yaml:4:8: /),
    ]);
  });
});
