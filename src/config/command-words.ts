// Splits a command into words as a POSIX shell does (POSIX.1-2017, "Shell Command Language", 2.2 Quoting). What only a shell could do, such
// as an expansion or a pipe, is refused. Packages that split words expand it, or take it for a word.

/** `found`: the characters that only a shell understands, or what is wrong with the quotes. */
export type CommandWords =
  | { readonly ok: true; readonly words: readonly [program: string, ...args: string[]] }
  | { readonly ok: false; readonly why: string };

/** One step: blanks, a backslash with its character, a text in single or double quotes, or a character. */
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
  if (program === undefined || program === "") return refuse("has no program");
  if (/^[A-Za-z_]\w*=/.test(program)) return refuseShell("=");
  return { ok: true, words: [program, ...args] };
}

function refuse(why: string): CommandWords {
  return { ok: false, why };
}

function refuseShell(character: string): CommandWords {
  const shown = character === "\n" ? "a line end" : character;
  return refuse(
    `has ${shown} outside single quotes, which only a shell understands, and fetch-etl runs the program without one. ` +
      "Quote it, or write sh -c '…'",
  );
}
