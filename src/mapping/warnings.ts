// Pure: what a mapping permits that its author may not have meant.
import type { Mapping } from "./mapping.ts";
import { quoted } from "./shown.ts";

/** Sentences, each about one column. */
export function warningsOf({ columns }: Mapping): string[] {
  return columns.flatMap(({ name, type, keep, from, mask }) => {
    if (mask !== undefined || keep !== undefined) return [];
    const column = `Column ${quoted(name)}`;
    if (from.some((path) => path.kind === "fact" && path.fact === "body")) {
      return [
        `${column} gets the whole body ($body), with all personal data in it, in the clear. Name the keys that you need.`,
      ];
    }
    if (type !== "jsonb") return [];
    return [
      `${column} keeps all of a JSON value, also keys that senders add later, in the clear. List the paths that you need in keep.`,
    ];
  });
}
