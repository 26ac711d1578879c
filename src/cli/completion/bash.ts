// Pure: the completion script for bash. It works with bash 3.2, which macOS has, and without the package bash-completion.
import { wayTo, waysOf, type Flag, type Place } from "./place.ts";

export function bashScript(name: string, places: readonly Place[]): string {
  const functionName = `_${name.replaceAll("-", "_")}`;
  return `# Completes ${name} in bash. Made by: ${name} completion bash
${functionName}() {
  local IFS=$' \\t\\n' way= words= flags= word
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}
  # Bash splits --flag=value into three words.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$way $word" in
      ${waysOf(places).join(" | ")})
        way="$way $word" ;;
    esac
  done
  case "$way" in
${places.map(placeCase).join("\n")}
  esac
  case "$way $prev" in
${valueCases(places).join("\n")}
  esac
  if [[ $cur == -* || -z $words ]]; then words=$flags; fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F ${functionName} ${name}
`;
}

function placeCase({ words, flags, next }: Place): string {
  const names = flags.map(({ names: [name] }) => name);
  return `    "${wayTo(words)}") words="${next.map(({ word }) => word).join(" ")}" flags="${names.join(" ")}" ;;`;
}

/** Completion of flag values, one case per kind of value. */
function valueCases(places: readonly Place[]): string[] {
  const after = new Map<string, string[]>();
  for (const { words, flags } of places) {
    for (const flag of flags) {
      if (flag.value === undefined) continue;
      const patterns = flag.names.map((name) => `"${wayTo([...words, name])}"`);
      after.set(reply(flag.value), [...(after.get(reply(flag.value)) ?? []), ...patterns]);
    }
  }
  return [...after].map(([code, patterns]) => `    ${patterns.join(" | ")})\n      ${code} ;;`);
}

function reply(value: NonNullable<Flag["value"]>): string {
  switch (value.kind) {
    case "choice":
      return `words="${value.choices.join(" ")}" flags=`;
    case "file":
      // Readline's own completion quotes file names correctly; bash 3.2 cannot be told to use it.
      return `compopt -o default 2>/dev/null || { IFS=$'\\n'; COMPREPLY=($(compgen -f -- "$cur")); }; return`;
    case "text":
      return "return";
  }
}
