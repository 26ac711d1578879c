// Pure: the completion script for fish.
import { wayTo, waysOf, type Flag, type Place } from "./place.ts";

export function fishScript(name: string, places: readonly Place[]): string {
  const functionName = `__${name.replaceAll("-", "_")}_at`;
  const lines = places.flatMap(({ words, flags, next }) => {
    const start = `complete -c ${name} -n '${functionName} "${wayTo(words)}"'`;
    return [
      ...next.map(
        ({ word, meaning }) => `${start} -a ${word}${meaning === "" ? "" : ` -d ${quote(meaning)}`}`,
      ),
      ...flags.map((flag) => `${start} ${flagWords(flag)}`),
    ];
  });
  return `# Completes ${name} in fish. Made by: ${name} completion fish
function ${functionName} -d 'Whether the words before the cursor select a command'
    set -l words (commandline -opc)
    set -e words[1]
    set -l way ''
    for word in $words
        switch "$way $word"
            case ${waysOf(places).join(" ")}
                set way "$way $word"
        end
    end
    test "$way" = "$argv"
end
complete -c ${name} -e
complete -c ${name} -f
${lines.join("\n")}
`;
}

function flagWords({ names, meaning, value }: Flag): string {
  const spelt = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  return [...spelt, ...valueWords(value), "-d", quote(meaning)].join(" ");
}

function valueWords(value: Flag["value"]): string[] {
  switch (value?.kind) {
    case undefined:
      return [];
    case "choice":
      return ["-x", "-a", quote(value.choices.join(" "))];
    case "file":
      return ["-r", "-F"];
    case "text":
      return ["-x"];
  }
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, String.raw`\$&`)}'`;
}
