import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Output } from "../../../src/cli/output.ts";
import { count, styleFor, plural, printable } from "../../../src/cli/terminal/style.ts";

function output(isTerminal: boolean): Output {
  return { isTerminal, columns: isTerminal ? 80 : 0, stream: new PassThrough(), write: () => undefined };
}

describe("colour", () => {
  it.each<[string, boolean, NodeJS.ProcessEnv]>([
    ["on a terminal", true, {}],
    ["on a terminal with an empty NO_COLOR", true, { NO_COLOR: "" }],
    ["on a terminal of some kind", true, { TERM: "xterm" }],
    ["in a file with FORCE_COLOR", false, { FORCE_COLOR: "1" }],
    ["in a file with FORCE_COLOR=true", false, { FORCE_COLOR: "true" }],
    ["with FORCE_COLOR over NO_COLOR", false, { FORCE_COLOR: "1", NO_COLOR: "1" }],
    ["with FORCE_COLOR on a dumb terminal", true, { FORCE_COLOR: "1", TERM: "dumb" }],
  ])("is there %s", (_where, isTerminal, env) => {
    expect(styleFor(output(isTerminal), env).red("x")).toBe("\u001b[31mx\u001b[39m");
  });

  it.each<[string, boolean, NodeJS.ProcessEnv]>([
    ["in a file", false, {}],
    ["in a file on a machine with colours", false, { TERM: "xterm-256color", COLORTERM: "truecolor" }],
    ["with NO_COLOR", true, { NO_COLOR: "1" }],
    ["with NO_COLOR, whatever it says", true, { NO_COLOR: "0" }],
    ["on a dumb terminal", true, { TERM: "dumb" }],
    ["with FORCE_COLOR=0", true, { FORCE_COLOR: "0" }],
    ["with FORCE_COLOR=false", true, { FORCE_COLOR: "false" }],
  ])("is not there %s", (_where, isTerminal, env) => {
    expect(styleFor(output(isTerminal), env).red("x")).toBe("x");
  });
});

describe("a text to be shown", () => {
  it.each([
    ["plain", "plain"],
    ["Gerät 📱 装置", "Gerät 📱 装置"],
    ["gera\u{308}t", "gera\u{308}t"],
    ["\u001b[2J", "�[2J"],
    ["a\nb", "a�b"],
    ["a\r\tb", "a��b"],
    ["\0\u{7f}\u{9b}31m", "���31m"],
    // the text's direction turned around
    ["\u{202e}gnp.exe", "�gnp.exe"],
    ["a\u{200b}\u{feff}b", "a��b"],
    ["a\u{2028}\u{2029}b", "a��b"],
  ])("%j is shown as %j", (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it("keeps its length, and never has a character that steers a terminal", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const shown = printable(text);
        return (
          Array.from(shown).length === Array.from(text).length && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(shown)
        );
      }),
      { numRuns: 1000 },
    );
  });
});

describe("numbers", () => {
  it.each([
    [0, "0"],
    [999, "999"],
    [1000, "1,000"],
    [1_234_567, "1,234,567"],
  ])("%i is written %s", (value, text) => {
    expect(count(value)).toBe(text);
  });

  it.each([
    [0, "0 messages"],
    [1, "1 message"],
    [2, "2 messages"],
    [1000, "1,000 messages"],
  ])("%i is told as %s", (value, text) => {
    expect(plural(value, "message")).toBe(text);
  });

  it("a word that is not made plural by an s is given in both forms", () => {
    expect([plural(1, "entry", "entries"), plural(2, "entry", "entries")]).toEqual(["1 entry", "2 entries"]);
  });
});
