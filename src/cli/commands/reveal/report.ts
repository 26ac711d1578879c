// The report of `reveal`.
import type { Remasking } from "../../../postgres/remasked.ts";
import type { Revealed, RevealedValue } from "../../../recovery/reveal.ts";
import type { Context } from "../../context.ts";
import { printable } from "../../terminal/style.ts";
import { width } from "../../terminal/table.ts";

/** Says which tokens replaced those of earlier keys. */
export function noteRemasked({ log }: Context, followed: ReadonlyMap<string, Remasking>): void {
  for (const [token, { token: now, at }] of followed)
    log.note(`${token} was re-masked on ${at.slice(0, 10)}. The token of its value is now ${now}.`);
}

/** One line per token: the token, two spaces, the value. On a terminal that is too narrow, the value is below. */
export function writeRevealed({ stdout }: Pick<Context, "stdout">, values: readonly RevealedValue[]): void {
  const { columns } = stdout;
  for (const { token, value } of values) {
    const line = `${token}  ${printable(value)}`;
    const isTooLong = columns > 0 && width(line) > columns;
    stdout.write(isTooLong ? `${token}\n  ${printable(value)}\n` : `${line}\n`);
  }
}

/** For an entry that was altered, or that has no data key. */
export function writeNotRevealed({ log }: Context, { token, why }: Extract<Revealed, { ok: false }>): void {
  const what =
    why === "altered"
      ? "the value, its field or its data key was altered after encryption"
      : "its data key is missing from fetch_etl.vault_keys";
  log.error(
    `Cannot decrypt the vault entry of ${token}: ${what}. Nothing was revealed. ` +
      "Find out who can write to the vault. Then restore the entry from a backup, or omit its token.",
  );
}
