// Real shells, asked what they would complete.
import { execFile, spawnSync } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Shell } from "../../src/cli/completion/script.ts";

const run = promisify(execFile);

/** Whether the shell is here, with what is needed to ask it. */
export function isInstalled(shell: Shell): boolean {
  const words = { bash: ["--version"], zsh: ["-fc", "zmodload zsh/zpty"], fish: ["--version"] };
  return spawnSync(shell, words[shell]).status === 0;
}

/**
 * @param script the completion script's path; its folder is the working folder
 * @returns what the shell offers for the line's end, sorted; a value without the flag before its `=`
 */
export async function completionsOf(
  shell: Shell,
  folder: string,
  script: string,
  line: string,
): Promise<string[]> {
  const offered = await ASK[shell](folder, script, line);
  const words = offered.split("\n").map((word) => word.replaceAll("\\ ", " ").replace(/^--[a-z-]+=/, ""));
  return [...new Set(words.filter((word) => word !== ""))].sort();
}

const ASK: Record<Shell, (folder: string, script: string, line: string) => Promise<string>> = {
  bash: async (cwd, script, line) => {
    // As bash itself splits a line: = is a word.
    const words = line.split(/ |(?==)|(?<==)/);
    return (await run("bash", ["--norc", "-c", BASH, "bash", script, ...words], { cwd })).stdout;
  },
  fish: async (cwd, script, line) => {
    const { stdout } = await run("fish", ["--no-config", "-c", FISH, script, line], { cwd });
    return stdout.replace(/\t.*/g, "");
  },
  zsh: async (cwd, script, line) => {
    const found = join(cwd, `found-${(asked += 1)}`);
    try {
      await run("zsh", ["-f", "-c", ZSH, "zsh", script, line, found], { cwd, timeout: 30_000 });
      return await readFile(found, "utf8");
    } finally {
      await rm(found, { force: true });
    }
  },
};

let asked = 0;

const BASH = `
source "$1" && source "$1"
shift
registered=$(complete -p fetch-etl)
name=\${registered#*-F }
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
\${name%% *}
printf '%s\\n' "\${COMPREPLY[@]}"
`;

const FISH = `
source $argv[1]; and source $argv[1]
complete -C $argv[2]
`;

// What compinit finds is kept in the working folder, because finding it takes longer than all the rest.
// compadd is where every completion of zsh passes; what it would add is written down first.
const ZSH = `
zmodload zsh/zpty
: > $3
zpty shell zsh -f -i
zpty -w shell "autoload -U compinit; compinit -u -C -d \${(q)PWD}/.zcompdump; source \${(q)1}; source \${(q)1}; found=\${(q)3}"
zpty -w shell 'compadd() {
  local -a hits
  if [[ " $* " != *" -[AOD] "* ]]; then
    builtin compadd -A hits "$@"
    print -rl -- $hits >> $found
  fi
  builtin compadd "$@"
}
look() { zle list-choices; print -r -- do"ne" }
zle -N look; bindkey "^I" look; print rea"dy"'
zpty -r shell said '*ready*'
zpty -w -n shell "$2"$'\\t'
zpty -r shell said '*done*'
zpty -d shell
`;
