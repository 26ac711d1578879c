// The specification names code that exists, and TLC finds in it what its models say.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { download, judge, readModels, runTlc } from "../../scripts/check-spec.ts";
import { withFolder } from "../support/folder.ts";

const ROOT = new URL("../../", import.meta.url);
const SPEC = readFileSync(new URL("spec/ExactlyOnce.tla", ROOT), "utf8");
const models = readModels(fileURLToPath(new URL("spec", ROOT)));
const configured = models.map((model) => ({
  ...model,
  text: readFileSync(new URL(`spec/${model.name}.cfg`, ROOT), "utf8"),
}));

/** What a module declares, also within functions: `name`, and `outer.name` with the declaration around it. */
function declaredIn(path: string): Set<string> {
  const found = new Set<string>();
  const visit = (node: ts.Node, outer: string): void => {
    const name = "name" in node && isName(node.name) ? node.name.text : undefined;
    if (name !== undefined) found.add(name).add(`${outer}.${name}`);
    node.forEachChild((child) => {
      visit(child, name ?? outer);
    });
  };
  visit(ts.createSourceFile(path, readFileSync(new URL(path, ROOT), "utf8"), ts.ScriptTarget.Latest), "");
  return found;
}

function isName(name: unknown): name is ts.Identifier | ts.PrivateIdentifier {
  const { kind } = (name ?? {}) as Partial<ts.Node>;
  return kind === ts.SyntaxKind.Identifier || kind === ts.SyntaxKind.PrivateIdentifier;
}

describe("spec/ExactlyOnce.tla", () => {
  it("names code that exists", () => {
    const named = [...SPEC.matchAll(/^\\\* Code: (.*)$/gm)].flatMap(([, list = ""]) =>
      list
        .replace(/,$/, "")
        .split(", ")
        .map((item) => item.split(" in ")),
    );
    expect(named.length).toBeGreaterThan(20);
    const paths = new Set(named.map(([, path = ""]) => path));
    const declared = new Map([...paths].map((path) => [path, declaredIn(path)]));
    for (const [name = "", path = ""] of named) expect(declared.get(path), path).toContain(name);
  });

  it("says of each action what does it", () => {
    const next = /^(?:Work\(d\)|Serve|Next) ==\n?[^]*?\n\n/gm;
    const actions = [...SPEC.matchAll(next)].flatMap(([text]) =>
      [...text.matchAll(/(?:\\\/|:|==) (?!\\E)([A-Z]\w+)/g)].map(([, name = ""]) => name),
    );
    const steps = new Set(actions.filter((name) => !["Work", "Serve", "Next"].includes(name)));
    expect(steps).toContain("Receive");
    expect(steps).toContain("Recover");
    for (const name of steps) {
      const comment = new RegExp(`((?:^\\\\\\*.*\n)+)${name}\\b.* ==\n`, "m").exec(SPEC)?.[1];
      expect(comment, name).toMatch(/\\\* (?:Code|SQS|Postgres): /);
    }
  });

  it("has each change in exactly one model", () => {
    const changes = [...SPEC.matchAll(/Change (?:=|#) "([^"]+)"/g)].map(([, change]) => change);
    const inModels = configured.map(({ text }) => /^ {2}Change = "(.*)"$/m.exec(text)?.[1]);
    expect(inModels.filter((change) => change !== "none").sort()).toEqual([...new Set(changes)].sort());
    for (const { name, refuted, text } of configured)
      expect(refuted !== undefined, name).toBe(!text.includes('Change = "none"'));
  });

  it("has each refuted property among those that hold", () => {
    const proven = configured.filter(({ refuted }) => refuted === undefined).map(({ text }) => text);
    for (const { name, refuted, text } of configured) {
      if (refuted === undefined) continue;
      expect(text, name).toMatch(new RegExp(`^(?:INVARIANT|PROPERTY) ${refuted}$`, "m"));
      expect(proven.join(""), name).toMatch(new RegExp(`^(?:INVARIANTS|PROPERTIES) .*\\b${refuted}\\b`, "m"));
    }
  });
});

describe("npm run check:spec", () => {
  const held = "Model checking completed. No error has been found.\n";
  const states = "9 states generated, 7 distinct states found, 0 states left on queue.\n";
  const violated = "Error: Invariant NothingLost is violated.\nState 2: <Start line 1, col 3>\n";

  it("accepts only what a model expects", () => {
    const safety = { name: "m", folder: "", refuted: undefined };
    const fault = { name: "m", folder: "", refuted: "NothingLost" };
    expect(judge(safety, held + states)).toEqual({ isExpected: true, line: "m: holds, 7 states" });
    expect(judge(fault, violated + states)).toEqual({
      isExpected: true,
      line: "m: refuted, NothingLost is violated after Start, 7 states",
    });
    expect(judge(safety, violated + states).isExpected).toBe(false);
    expect(judge(fault, held + states).isExpected).toBe(false);
    expect(judge({ ...fault, refuted: "NoDuplicates" }, violated + states).isExpected).toBe(false);
    for (const model of [safety, fault]) expect(judge(model, "***Parse Error***\n").isExpected).toBe(false);
  });

  it("keeps a download that has the expected SHA-256, and no other", () =>
    withFolder(async (folder) => {
      const server = createServer((_request, response) => response.end("TLC"));
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const url = `http://127.0.0.1:${port}/`;
      const sha256 = createHash("sha256").update("TLC").digest("hex");
      const path = join(folder, "cache", "tlc.jar");
      try {
        await expect(download({ url, sha256: sha256.replace(/./g, "0") }, path)).rejects.toThrow(
          "another SHA-256",
        );
        expect(existsSync(path)).toBe(false);
        expect(await download({ url, sha256 }, path)).toBe(path);
      } finally {
        server.close();
      }
      expect(await download({ url, sha256 }, path)).toBe(path);
      expect(readFileSync(path, "utf8")).toBe("TLC");
    }));

  const jar = process.env["TLA2TOOLS_JAR"];
  it.skipIf(jar === undefined)(
    "finds what each model expects",
    async () => {
      for (const model of models) {
        const output = await runTlc(jar ?? "", model);
        expect(judge(model, output).isExpected, output).toBe(true);
      }
    },
    3_600_000,
  );
});
