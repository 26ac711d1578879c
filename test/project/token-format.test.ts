// Other programs can compute the tokens: the examples of docs/token-format.md give those of its vectors.
import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { canonicalIp } from "../../src/masking/canonical.ts";
import { networkBytes, spellNetwork } from "../../src/mapping/masks.ts";
import { openDatabases } from "../support/databases.ts";
import { withFolder } from "../support/folder.ts";
import { TOKEN_VECTORS } from "../support/token-vectors.ts";

const DOCS = fileURLToPath(new URL("../../docs", import.meta.url));
const EXAMPLES = join(DOCS, "examples");
const page = readFileSync(join(DOCS, "token-format.md"), "utf8");

/** Base64, field, value, and the token or null where there is none. */
type Case = readonly [masterKey: string, field: string, value: string, token: string | null];

const { keys, tokens, rejected } = TOKEN_VECTORS;
const cases: readonly Case[] = keys.flatMap(({ keyId, masterKey }) => [
  ...tokens
    .filter((masked) => masked.keyId === keyId)
    .flatMap(({ field, values, token }) => values.map((value) => [masterKey, field, value, token] as const)),
  ...rejected.flatMap(({ field, values }) => values.map((value) => [masterKey, field, value, null] as const)),
]);

/** Runs a program in a folder that has the cases in `cases.json`. It prints a JSON list of their tokens. */
function run(
  command: string,
  args: readonly string[],
  prepare: (folder: string) => Promise<void>,
): Promise<unknown> {
  return withFolder(async (folder) => {
    await writeFile(join(folder, "cases.json"), JSON.stringify(cases));
    await prepare(folder);
    const env = { ...process.env, GOTOOLCHAIN: "local", GOWORK: "off" };
    const { stdout } = await promisify(execFile)(command, args, { cwd: folder, env });
    return JSON.parse(stdout) as unknown;
  });
}

/** Whether the command is here and prints this version or a later one. */
function has(command: string, flag: string, major: number, minor: number): boolean {
  const { stdout } = spawnSync(command, [flag], { encoding: "utf8" });
  const [, found = "", part = ""] = /(\d+)\.(\d+)/.exec(stdout) ?? [];
  return Number(found) > major || (Number(found) === major && Number(part) >= minor);
}

const tokensOf = (given: readonly Case[]): unknown => given.map(([, , , token]) => token);

describe("docs/token-format.md", () => {
  const rows = [...page.matchAll(/^\| `(.+?)` +\| (?:`([\da-f]{32})`|rejected) +\|/gm)];

  it.each(rows.map(([, text = "", bytes]) => [text, bytes]))("says what becomes of %s", (text, bytes) => {
    const canonical = canonicalIp(text);
    expect(canonical && Buffer.from(canonical).toString("hex")).toBe(bytes);
  });
});

describe("docs/token-types.md, networks", () => {
  const types = readFileSync(join(DOCS, "token-types.md"), "utf8");
  const rows = [...types.matchAll(/^\| `(.+?)` +\| `(.+?)` +\| `([\da-f]{34})` +\|/gm)];

  it.each(rows.map(([, text = "", network, bytes]) => [text, network, bytes]))(
    "%s is in %s",
    (text = "", network, bytes) => {
      const canonical = networkBytes(canonicalIp(text) ?? new Uint8Array(), 24, 48);
      expect(Buffer.from(canonical).toString("hex")).toBe(bytes);
      expect(spellNetwork(canonical)).toBe(network);
    },
  );
});

describe("the examples", () => {
  it.each(["py", "go", "sql"])("%s: it is short enough to be read at a glance", async (kind) => {
    const text = await readFile(join(EXAMPLES, `fetch_etl_token.${kind}`), "utf8");
    expect(text.trimEnd().split("\n").length).toBeLessThan(30);
  });
});

const PYTHON = `
import base64, json
from fetch_etl_token import token
cases = json.load(open("cases.json", encoding="utf-8"))
print(json.dumps([token(base64.b64decode(key), field, value) for key, field, value, _ in cases]))
`;

describe("the example in Python", () => {
  const isHere = has("python3", "--version", 3, 10);
  it.skipIf(!isHere)(`gives every token${isHere ? "" : " (skipped: there is no Python 3.10)"}`, async () => {
    const given = await run("python3", ["-c", PYTHON], (folder) => cp(EXAMPLES, folder, { recursive: true }));
    expect(given).toEqual(tokensOf(cases));
  });
});

const GO = `package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"vectors/fetchetl"
)

func main() {
	text, err := os.ReadFile("cases.json")
	must(err)
	var cases [][]string
	must(json.Unmarshal(text, &cases))
	tokens := make([]*string, len(cases))
	for i, each := range cases {
		key, err := base64.StdEncoding.DecodeString(each[0])
		must(err)
		if token := fetchetl.Token(key, each[1], each[2]); token != "" {
			tokens[i] = &token
		}
	}
	must(json.NewEncoder(os.Stdout).Encode(tokens))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
`;

describe("the example in Go", () => {
  const isHere = has("go", "version", 1, 24);

  it.skipIf(!isHere)(
    `gives every token but those the page excepts${isHere ? "" : " (skipped: there is no Go 1.24)"}`,
    async () => {
      const given = await run("go", ["run", "."], async (folder) => {
        await cp(EXAMPLES, join(folder, "fetchetl"), { recursive: true });
        await writeFile(join(folder, "go.mod"), "module vectors\n\ngo 1.24\n");
        await writeFile(join(folder, "main.go"), GO);
      });
      // Any characters in a zone, and NUL; no address with blanks, brackets or a port.
      const expected = cases.map(([, field, value, token]): unknown => {
        if (token === null && /:.*%.|\0/.test(value)) return expect.any(String);
        return field === "ip" && /[\s[]|\.\d+:/.test(value) ? null : token;
      });
      expect(given).toEqual(expected);
    },
    // The first time, Go compiles what it needs of its own library.
    180_000,
  );
});

describe("the example in SQL", () => {
  it("gives every token, for texts that Postgres can hold", async () => {
    const asked = cases.filter(([, , value]) => !value.includes("\0"));
    const databases = await openDatabases();
    try {
      const { sql } = await databases.make("encoding 'UTF8' template template0");
      await sql.unsafe(await readFile(join(EXAMPLES, "fetch_etl_token.sql"), "utf8"));
      const rows = await sql<{ token: string | null }[]>`
        select fetch_etl_token.token(decode(given ->> 0, 'base64'), given ->> 1, given ->> 2) as token
        from jsonb_array_elements(${JSON.stringify(asked)}::text::jsonb) with ordinality as cases (given, place)
        order by place`;
      expect(rows.map(({ token }) => token)).toEqual(tokensOf(asked));
      const [, query = ""] = /^```sql\n(.+?)^```$/ms.exec(page) ?? [];
      expect(await sql.unsafe(query)).toEqual([{ token: tokens[0]?.token }]);
    } finally {
      await databases.dispose();
    }
  });
});
