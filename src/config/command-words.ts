// Splits a command into words as a POSIX shell does (POSIX.1-2017, "Shell Command Language", 2.2 Quoting). Rejects
// what needs a shell, such as an expansion or a pipe. Packages that split words perform expansions, or treat operators as words.

/** `why`: a predicate for a sentence that begins with the variable's name. */
export type CommandWords =
  | { readonly ok: true; readonly words: readonly [program: string, ...args: string[]] }
  | { readonly ok: false; readonly why: string };

/** One token: blanks, a backslash with its character, a text in single or double quotes, or one character. */
const STEP = /[ \t]+|\\([^]?)|'([^']*)('?)|"((?:[^"\\]|\\[^])*)("?)|[^]/g;

export function splitCommand(text: string): CommandWords {
  const words: string[] = [];
  let word: string | undefined;
  for (const [step, escaped, single, singleEnd, double, doubleEnd] of text.matchAll(STEP)) {
    const isStart = word === undefined;
    if (/^[ \t]/.test(step)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (escaped !== undefined) {
      if (escaped === "") return refuse("ends with a backslash");
      // A backslash joins two lines.
      if (escaped !== "\n") word = (word ?? "") + escaped;
    } else if (single !== undefined) {
      if (singleEnd === "") return refuse("has an opening ' without a closing one");
      word = (word ?? "") + single;
    } else if (double !== undefined) {
      if (doubleEnd === "") return refuse('has an opening " without a closing one');
      const expansion = /[$`]/.exec(double.replace(/\\[^]/g, ""))?.[0];
      if (expansion !== undefined) return refuseShell(expansion);
      word =
        (word ?? "") + double.replace(/\\([$`"\\\n])/g, (_pair, after: string) => after.replace("\n", ""));
    } else if (/[|&;<>()$`\n]/.test(step) || (isStart && /[~#]/.test(step))) {
      return refuseShell(step);
    } else {
      word = (word ?? "") + step;
    }
  }
  if (word !== undefined) words.push(word);
  const [program, ...args] = words;
  if (program === undefined || program === "") return refuse("names no program");
  if (/^[A-Za-z_]\w*=/.test(program)) return refuseShell("=");
  return { ok: true, words: [program, ...args] };
}

function refuse(why: string): CommandWords {
  return { ok: false, why };
}

function refuseShell(character: string): CommandWords {
  const shown = character === "\n" ? "a line end" : character;
  return refuse(
    `has ${shown} outside single quotes. That needs a shell, but fetch-etl runs the program without one. ` +
      "Put it in single quotes, or write sh -c '…'",
  );
}
