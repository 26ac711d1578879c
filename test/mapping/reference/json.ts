// A JSON reader (RFC 8259) that goes through the text character by character.
import { Beyond, endOfNumber, Num, Unreadable, type Value } from "./value.ts";

const LEVELS = 128;
const ESCAPES = new Map<string, string>([
  ...([
    ["b", "\b"],
    ["f", "\f"],
    ["n", "\n"],
    ["r", "\r"],
    ["t", "\t"],
  ] as const),
  ...(['"', "\\", "/"] as const).map((each) => [each, each] as const),
]);
const WORDS = new Map<string, Value>([
  ["null", null],
  ["true", true],
  ["false", false],
]);

/** @throws {Unreadable} if the text is not JSON; a {@link Beyond} if it is too deep */
export function readJson(text: string): Value {
  let at = text.startsWith("\u{feff}") ? 1 : 0;
  const value = readValue(0);
  if (at !== text.length) throw new Unreadable("not JSON");
  return value;

  function skipBlanks(): void {
    while (at < text.length && " \t\n\r".includes(text.charAt(at))) at += 1;
  }

  function expect(character: string): void {
    if (text[at] !== character) throw new Unreadable("not JSON");
    at += 1;
  }

  /** The value there, with the blanks around it. */
  function readValue(levels: number): Value {
    skipBlanks();
    const found = readBareValue(levels);
    skipBlanks();
    return found;
  }

  function readBareValue(levels: number): Value {
    const first = text[at];
    if (first === "{" || first === "[") {
      if (levels === LEVELS) throw new Beyond("too deep");
      return first === "{" ? readObject(levels + 1) : readList(levels + 1);
    }
    if (first === '"') return readString();
    for (const [word, value] of WORDS) {
      if (!text.startsWith(word, at)) continue;
      at += word.length;
      return value;
    }
    const end = endOfNumber(text, at);
    if (end === undefined) throw new Unreadable("not JSON");
    const number = new Num(text.slice(at, end));
    at = end;
    return number;
  }

  function readList(levels: number): Value[] {
    const list: Value[] = [];
    expect("[");
    skipBlanks();
    while (text[at] !== "]") {
      if (list.length > 0) expect(",");
      list.push(readValue(levels));
    }
    at += 1;
    return list;
  }

  function readObject(levels: number): Map<string, Value> {
    const object = new Map<string, Value>();
    expect("{");
    skipBlanks();
    for (let isFirst = true; text[at] !== "}"; isFirst = false) {
      if (!isFirst) expect(",");
      skipBlanks();
      const key = readString();
      skipBlanks();
      expect(":");
      object.set(key, readValue(levels));
    }
    at += 1;
    return object;
  }

  function readString(): string {
    let string = "";
    expect('"');
    while (text[at] !== '"') {
      const character = text[at];
      if (character === undefined || character < " ") throw new Unreadable("not JSON");
      at += 1;
      string += character === "\\" ? readEscape() : character;
    }
    at += 1;
    return string;
  }

  function readEscape(): string {
    const letter = text.charAt(at);
    at += 1;
    if (letter === "u") {
      const code = text.slice(at, at + 4);
      if (!/^[0-9A-Fa-f]{4}$/.test(code)) throw new Unreadable("not JSON");
      at += 4;
      return String.fromCharCode(Number.parseInt(code, 16));
    }
    const character = ESCAPES.get(letter);
    if (character === undefined) throw new Unreadable("not JSON");
    return character;
  }
}
