// Pure: the completion script for zsh. Works with `source` and from a directory of `fpath`.
import type { Flag, Place } from "./place.ts";

export function zshScript(name: string, places: readonly Place[]): string {
  const functions = places.map((place) => placeFunction(`_${[name, ...place.words].join("_")}`, place));
  return `#compdef ${name}
# Completes ${name} in zsh. Made by: ${name} completion zsh

${functions.join("\n\n")}

if [[ $funcstack[1] == _${name} ]]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`;
}

function placeFunction(functionName: string, { flags, next }: Place): string {
  const specs = flags.flatMap(flagSpecs);
  if (next.length === 0) {
    return `${functionName}() {
  _arguments ${["-S", ...specs].join(" \\\n    ")}
}`;
  }
  const words = next.map(({ word, meaning }) => quote(meaning === "" ? word : `${word}:${meaning}`));
  return `${functionName}() {
  local curcontext=$curcontext state ret=1
  local -a line words_here=(
    ${words.join("\n    ")}
  )
  _arguments ${["-C", ...specs, "'1: :->word'", "'*:: :->rest'"].join(" \\\n    ")} && ret=0
  case $state in
    word) _describe -t commands command words_here && ret=0 ;;
    rest) (( $+functions[${functionName}_$line[1]] )) && ${functionName}_$line[1] && ret=0 ;;
  esac
  return ret
}`;
}

/** The `_arguments` specs of a flag, one per name. The names exclude each other. */
function flagSpecs({ names, meaning, value }: Flag): string[] {
  return names.map((name) => {
    const others = names.length > 1 ? `(${names.join(" ")})` : "";
    return quote(`${others}${name}${value === undefined ? "" : "="}[${escape(meaning)}]${valueSpec(value)}`);
  });
}

function valueSpec(value: Flag["value"]): string {
  if (value === undefined) return "";
  const action = { choice: `(${value.choices.join(" ")})`, file: "_files", text: " " }[value.kind];
  return `:${escape(value.name)}:${action}`;
}

function escape(text: string): string {
  return text.replace(/[\\:[\]]/g, String.raw`\$&`);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
