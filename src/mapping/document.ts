// Pure: reads the YAML of a mapping's file as plain data, and knows where each part of it stands.
import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
  type Document,
  type CST,
  type ParsedNode,
} from "yaml";
import { parseJson } from "./json.ts";

/** A mistake in a mapping's file. Lines and columns count from 1. */
export interface Mistake {
  readonly line: number;
  readonly column: number;
  /** Shows at most 40 characters of the file, without control characters. */
  readonly sentence: string;
}

/** Plain data: null, booleans, numbers, texts, lists and objects. */
export interface Content {
  readonly data: unknown;
  readonly mistakes: readonly Mistake[];
  /** Where a value stands, or its key; for one that is not there, what would hold it. */
  readonly mistakeAt: (path: readonly PropertyKey[], part: "key" | "value", sentence: string) => Mistake;
}

const MOST_BYTES = 1_048_576;
/** Deeper nesting exhausts the stack. */
const MOST_LEVELS = 64;
/** A file of 1,600 columns with all of their keys has fewer. `yaml` takes minutes for a million. */
const MOST_TOKENS = 200_000;

/** Reads a YAML 1.2 document, in UTF-16 as JavaScript has it; a byte order mark is skipped. */
export function readDocument(file: string): Content {
  const text = file.replace(/^\uFEFF/, "");
  const lines = new LineCounter();
  lines.addNewLine(0);
  const reading = new Reading(lines);
  if (Buffer.byteLength(text) > MOST_BYTES) {
    reading.add(0, "The file is longer than 1 MiB.");
    return reading.content(undefined);
  }
  const document = compose(text, lines, reading);
  return reading.content(document?.contents == null ? undefined : reading.value(document.contents));
}

/** The first document. Mistakes of its syntax are added. */
function compose(text: string, lines: LineCounter, reading: Reading): Document.Parsed | undefined {
  const composer = new Composer({
    version: "1.2",
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: "silent",
  });
  const tokens = new LimitedTokens(text, lines);
  const [document, second] = composer.compose(tokens.read(), true, text.length);
  if (tokens.tooMuch !== undefined) {
    reading.add(tokens.offset, tokens.tooMuch);
    return undefined;
  }
  // The others are mostly its consequences.
  const [error] = document?.errors ?? [];
  if (error !== undefined) reading.add(error.pos[0], syntaxSentence(error.code));
  if (second !== undefined)
    reading.add(second.range[0], "A mapping is one YAML document; this one is a second.");
  const version = document?.directives.yaml;
  if (version?.explicit === true && version.version !== "1.2") {
    reading.add(0, "A mapping is YAML 1.2: leave out the directive %YAML.");
  }
  if (reading.hasMistakes) return undefined;
  if (document?.contents == null || isNothing(document.contents)) {
    reading.add(0, "The file is empty. Start from the output of fetch-etl mapping show.");
    return undefined;
  }
  return document;
}

function isNothing(node: ParsedNode): boolean {
  return isScalar(node) && node.value === null && node.source === "";
}

/** The tokens of a text, until there are too many of them, or too many within each other. */
class LimitedTokens {
  readonly #text: string;
  readonly #parser: Parser;
  tooMuch: string | undefined;

  constructor(text: string, lines: LineCounter) {
    this.#text = text;
    this.#parser = new Parser(lines.addNewLine);
  }

  get offset(): number {
    return this.#parser.offset;
  }

  *read(): Generator<CST.Token, void> {
    let count = 0;
    for (const lexeme of new Lexer().lex(this.#text)) {
      for (const token of this.#parser.next(lexeme)) {
        yield token;
        // What comes after it is a consequence.
        if (token.type === "error") return;
      }
      count += 1;
      if (this.#parser.stack.length > MOST_LEVELS) this.tooMuch = "The file is nested too deeply.";
      if (count > MOST_TOKENS) this.tooMuch = "The file has too many parts for a mapping.";
      if (this.tooMuch !== undefined) return;
    }
    yield* this.#parser.end();
  }
}

/** `yaml`'s own messages quote the file at length. */
function syntaxSentence(code: string): string {
  const known = SYNTAX[code];
  return known ?? `This is not valid YAML (${code}).`;
}

const SYNTAX: Readonly<Record<string, string>> = {
  BAD_INDENT:
    "This is not valid YAML: the indentation does not fit, or a bracket above is not closed (BAD_INDENT).",
  BAD_SCALAR_START: "This is not valid YAML: quote a text that begins with @ or ` (BAD_SCALAR_START).",
  MULTILINE_IMPLICIT_KEY:
    "This is not valid YAML: after a key, a colon and a space are missing (MULTILINE_IMPLICIT_KEY).",
  TAB_AS_INDENT: "This is not valid YAML: indent with spaces, not with tabs (TAB_AS_INDENT).",
  MISSING_CHAR: "This is not valid YAML: a quote, a bracket, a comma or a colon is missing (MISSING_CHAR).",
  BLOCK_IN_FLOW:
    "This is not valid YAML: a bracket before this is not closed, or a text with a colon is not quoted (BLOCK_IN_FLOW).",
  BLOCK_AS_IMPLICIT_KEY:
    "This is not valid YAML: a key and its value are within a value. Quote a value that has a colon and a space (BLOCK_AS_IMPLICIT_KEY).",
};

/** Where the parts of a list or an object start: offsets. */
type Places = Map<PropertyKey, { readonly key: number; readonly value: number }>;

class Reading {
  readonly #lines: LineCounter;
  readonly #mistakes: Mistake[] = [];
  readonly #places = new WeakMap<object, Places>();
  #start = 0;

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  get hasMistakes(): boolean {
    return this.#mistakes.length > 0;
  }

  add(offset: number, sentence: string): void {
    this.#mistakes.push(this.#at(offset, sentence));
  }

  content(data: unknown): Content {
    return {
      data,
      mistakes: this.#mistakes,
      mistakeAt: (path, part, sentence) => this.#at(this.#offset(data, path, part), sentence),
    };
  }

  value(node: ParsedNode): unknown {
    this.#start = node.range[0];
    return this.#value(node);
  }

  #value(node: ParsedNode): unknown {
    const [offset] = node.range;
    if (isAlias(node)) {
      this.add(
        offset,
        "An alias (*) is not possible: write the value again, or quote a text that begins with *.",
      );
      return null;
    }
    this.#refuseTag(node, offset);
    if (isMap(node)) return this.#object(node.items);
    if (isSeq(node)) return this.#list(node.items);
    return this.#scalar(node.value, node.source, offset);
  }

  #refuseTag({ tag }: ParsedNode, offset: number): void {
    if (tag === undefined || tag === "") return;
    this.add(offset, "A tag (!) is not possible: leave it out, and quote what is text.");
  }

  #scalar(value: unknown, source: string, offset: number): unknown {
    // YAML has more numbers than JSON, such as 0123 and +49: they are more likely texts.
    if (typeof value === "number" && typeof parseJson(source) !== "number") {
      this.add(offset, "This number cannot be kept as it is written: quote it, so that it is a text.");
    }
    return value;
  }

  #list(items: readonly ParsedNode[]): unknown[] {
    const list: unknown[] = [];
    const places: Places = new Map();
    for (const [index, item] of items.entries()) {
      places.set(index, { key: item.range[0], value: item.range[0] });
      list.push(this.#value(item));
    }
    this.#places.set(list, places);
    return list;
  }

  #object(items: readonly { readonly key: ParsedNode | null; readonly value: ParsedNode | null }[]): object {
    const object: Record<string, unknown> = {};
    const places: Places = new Map();
    for (const { key, value } of items) {
      const offset = key?.range[0] ?? value?.range[0] ?? 0;
      const name = this.#key(key, offset, places);
      const content = value === null ? null : this.#value(value);
      if (name === undefined) continue;
      places.set(name, { key: offset, value: value?.range[0] ?? offset });
      object[name] = content;
    }
    this.#places.set(object, places);
    return object;
  }

  /** A key as it is written: `1.0` and `null` are names too. Undefined after a mistake. */
  #key(key: ParsedNode | null, offset: number, others: Places): string | undefined {
    if (key !== null && !isScalar(key)) {
      this.add(offset, isAlias(key) ? "An alias (*) is not possible as a key." : "A key has to be a text.");
      return undefined;
    }
    if (key !== null) this.#refuseTag(key, offset);
    const name = keyText(key);
    if (name === "__proto__")
      this.add(offset, "__proto__ is not possible as a key; in a path, write /__proto__.");
    else if (name === "<<") this.add(offset, "A merge key (<<) is not possible: write the keys again.");
    else if (others.has(name)) this.add(offset, "This key appears twice. Remove one of the two.");
    else return name;
    return undefined;
  }

  #offset(data: unknown, path: readonly PropertyKey[], part: "key" | "value"): number {
    let offset = this.#start;
    let holder = data;
    for (const [index, key] of path.entries()) {
      if (typeof holder !== "object" || holder === null) return offset;
      const place = this.#places.get(holder)?.get(key);
      if (place === undefined) return offset;
      offset = index === path.length - 1 ? place[part] : place.value;
      holder = Reflect.get(holder, key);
    }
    return offset;
  }

  #at(offset: number, sentence: string): Mistake {
    const { line, col } = this.#lines.linePos(offset);
    return { line, column: col, sentence };
  }
}

function keyText(key: ParsedNode | null): string {
  if (!isScalar(key)) return "";
  return typeof key.value === "string" ? key.value : key.source;
}
