// Counts the work that is done on texts, so that a test can hold it to a bound that no machine's speed changes.
import regexp from "eslint-plugin-regexp";
import { Linter } from "eslint";

export interface Work {
  /** Characters that the built-in functions on texts were asked to look at. */
  readonly characters: number;
  /** The longest text that an expression was given, in UTF-16 units. */
  readonly longestMatched: number;
  /** Expressions that can take more than linear time and were given a text longer than `long`. They were not run: they would not end. */
  readonly superLinear: readonly string[];
}

/** These look at a place in a text, not at all of it. */
const OF_ONE_PLACE: ReadonlySet<string | symbol> = new Set([
  ...["at", "charAt", "charCodeAt", "codePointAt", "startsWith", "endsWith"],
  ...["slice", "substring", "substr", "toString", "valueOf", "concat"],
]);

/**
 * Does `work` and counts. Until it ends, the prototypes of texts and expressions are changed for everything in this process.
 *
 * @param long see {@link Work.superLinear}
 */
export async function meter(long: number, work: () => unknown): Promise<Work> {
  let characters = 0;
  let longestMatched = 0;
  let isJudging = false;
  const superLinear = new Set<string>();
  const restore: (() => void)[] = [];
  const replace = (target: object, key: string | symbol, wrap: (original: AnyFunction) => unknown): void => {
    const descriptor = Object.getOwnPropertyDescriptor(target, key);
    const original: unknown = descriptor?.value;
    if (descriptor === undefined || !isFunction(original)) return;
    Object.defineProperty(target, key, { ...descriptor, value: wrap(original) });
    restore.push(() => Object.defineProperty(target, key, descriptor));
  };
  const judge = (expression: RegExp, text: string): void => {
    longestMatched = Math.max(longestMatched, text.length);
    if (text.length <= long) return;
    isJudging = true;
    const passes = isLinear(expression);
    isJudging = false;
    if (passes) return;
    superLinear.add(String(expression));
    throw new Error(`${String(expression)} can take more than linear time`);
  };
  replace(
    RegExp.prototype,
    "exec",
    (original) =>
      function (this: RegExp, text: string): unknown {
        if (isJudging) return Reflect.apply(original, this, [text]);
        judge(this, text);
        const { lastIndex } = this;
        const found: unknown = Reflect.apply(original, this, [text]);
        characters += lookedAt(this, lastIndex, text, found);
        return found;
      },
  );
  for (const key of Reflect.ownKeys(String.prototype)) {
    if (key === "constructor") continue;
    replace(
      String.prototype,
      key,
      (original) =>
        function (this: string, ...args: readonly unknown[]): unknown {
          const result: unknown = Reflect.apply(original, this, args);
          if (isJudging) return result;
          if (key === "indexOf") characters += searched(this, args, result);
          else characters += OF_ONE_PLACE.has(key) ? 1 : this.length;
          return result;
        },
    );
  }
  try {
    await work();
  } catch (error) {
    if (superLinear.size === 0) throw error;
  } finally {
    for (const undo of restore) undo();
  }
  return { characters, longestMatched, superLinear: [...superLinear] };
}

type AnyFunction = (...args: readonly unknown[]) => unknown;

function isFunction(value: unknown): value is AnyFunction {
  return typeof value === "function";
}

/** The characters from where a search began to the end of what matched, or of the text; a sticky one looks at one place. */
function lookedAt({ global, sticky }: RegExp, lastIndex: number, text: string, found: unknown): number {
  const from = global || sticky ? lastIndex : 0;
  if (!Array.isArray(found)) return sticky ? 1 : Math.max(text.length - from, 1);
  const [matched = "", index] = [found[0] as string | undefined, Reflect.get(found, "index") as number];
  return Math.max(index + matched.length - from, 1);
}

/** The characters from where `indexOf` began to the end of what it found, or of the text. */
function searched(text: string, [sought, from]: readonly unknown[], found: unknown): number {
  const start = typeof from === "number" ? from : 0;
  const isFound = typeof found === "number" && found !== -1 && typeof sought === "string";
  return Math.max((isFound ? found + sought.length : text.length) - start, 1);
}

const linter = new Linter();
const judged = new Map<string, boolean>();
/** One that is used again and again is not even written down: that takes longer than to use it. */
const judgedObjects = new WeakMap<RegExp, boolean>();

function isLinear(expression: RegExp): boolean {
  const known = judgedObjects.get(expression);
  if (known !== undefined) return known;
  const source = String(expression);
  const passes = judged.get(source) ?? analyse(source);
  judged.set(source, passes);
  judgedObjects.set(expression, passes);
  return passes;
}

/** By the same analysis that lints the code; it reaches the expressions of libraries too. */
function analyse(source: string): boolean {
  const messages = linter.verify(`${source};`, {
    plugins: { regexp },
    rules: {
      "regexp/no-super-linear-backtracking": ["error", { report: "potential" }],
      "regexp/no-super-linear-move": ["error", { report: "potential", ignorePartial: false }],
    },
  });
  return messages.length === 0;
}
