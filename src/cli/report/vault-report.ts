// What `reveal` and `forget` print.
import type { Revealed, RevealedValue } from "../../recovery/reveal.ts";
import type { Context } from "../context.ts";
import { writeJson } from "./json.ts";
import { plural, printable } from "./paint.ts";

/** A line a token: the token, two spaces, the value. */
export function writeRevealed({ stdout }: Context, values: readonly RevealedValue[]): void {
  stdout.write(values.map(({ token, value }) => `${token}  ${printable(value)}\n`).join(""));
}

export function writeRevealedJson({ stdout }: Context, values: readonly RevealedValue[]): void {
  writeJson(stdout, { command: "reveal", values });
}

/** For an entry that is not as it was sealed. */
export function writeNotRevealed({ log }: Context, { token, why }: Extract<Revealed, { ok: false }>): void {
  const what =
    why === "altered"
      ? "the value, its field or its data key was altered after it was sealed"
      : "its data key is missing from fetch_etl.vault_keys";
  log.error(
    `The vault's entry for ${token} cannot be opened: ${what}. Nothing is revealed. ` +
      "Find out who may write to the vault, and bring the entry back from a backup or leave its token out.",
  );
}

export function writeForgotten({ stdout }: Context, forgotten: number): void {
  stdout.write(`forgot ${plural(forgotten, "value")}; rows keep their tokens\n`);
}

export function writeForgottenJson({ stdout }: Context, forgotten: number): void {
  writeJson(stdout, { command: "forget", forgotten });
}
