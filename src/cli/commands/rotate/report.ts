import type { Left, RotationReport } from "../../../recovery/rotate.ts";
import type { EarlierKey, RotationSurvey } from "../../../postgres/rotation.ts";
import type { Context } from "../../context.ts";
import { writeJson } from "../../output.ts";
import { count, styleFor, plural, printable } from "../../terminal/style.ts";
import { wrapLines } from "../../terminal/table.ts";

/** `left` is null if a signal stopped the run before it could count. */
export function writeRotatedJson(context: Context, keyId: string, report: RotationReport): void {
  const { rows, vault, left } = report;
  writeJson(context.stdout, {
    command: "rotate",
    keyId,
    rows,
    vault,
    left: left === undefined ? null : Object.fromEntries(left.map(({ keyId: id, values }) => [id, values])),
  });
}

/** The report of a dry run. */
export function writeSurvey(
  { stdout }: Context,
  { keyId, table }: { readonly keyId: string; readonly table: string },
  { rows, keys, entriesOfOthers, keptFor, later }: RotationSurvey,
): void {
  const lines = [
    `A rotation of ${printable(table)} to key ${keyId} would change ${plural(rows, "row")}.`,
    ...keys.flatMap((key) => [
      `  from key ${key.keyId}: ${plural(key.values, "token")} in rows, ${plural(key.entries, "vault entry", "vault entries")}`,
      ...(key.values > key.inVault
        ? [
            `    cannot be re-masked: ${plural(key.values - key.inVault, "token")} that the vault does not contain`,
          ]
        : []),
    ]),
  ];
  if (keys.length === 0) lines.push("  There are no tokens or vault entries of other keys.");
  if (entriesOfOthers > 0)
    lines.push(
      `  ${plural(entriesOfOthers, "vault entry", "vault entries")} of other fields than the mapping's would stay.`,
    );
  if (keptFor.length > 0)
    lines.push(
      `  Vault entries of earlier keys would stay for other tables: ${printable(keptFor.join(", "))}.`,
    );
  if (later !== undefined)
    lines.push(
      `Key ${keyId} is an earlier key than ${printable(later.keyId)}, last used on ${later.last.slice(0, 10)}: this rotation goes back, and needs --yes.`,
    );
  lines.push("This was a dry run: nothing was changed, and no entry was decrypted.");
  stdout.write(`${wrapLines(lines.join("\n"), stdout.columns)}\n`);
}

export function writeSurveyJson(
  { stdout }: Context,
  keyId: string,
  { rows, keys, entriesOfOthers, keptFor, later }: RotationSurvey,
): void {
  const of = (count: (key: EarlierKey) => number): Record<string, number> =>
    Object.fromEntries(keys.map((key) => [key.keyId, count(key)]));
  writeJson(stdout, {
    ...{ command: "rotate", dryRun: true, keyId, rows },
    vault: keys.reduce((sum, { entries }) => sum + entries, 0),
    tokens: of(({ values }) => values),
    left: of(({ values, inVault }) => values - inVault),
    ...{ entriesOfOthers, keptFor, laterKey: later?.keyId ?? null },
  });
}

/** One line, wrapped on a terminal. */
export function writeRotated(context: Context, keyId: string, { rows, vault, left }: RotationReport): void {
  const style = styleFor(context.stdout, context.env);
  const changed = `${plural(rows, "row")} and ${plural(vault, "vault entry", "vault entries")} re-masked`;
  const end =
    left === undefined
      ? "interrupted: run it again to continue"
      : `${plural(total(left, "values"), "value")} of earlier keys left in rows`;
  const line = `Rotated to key ${style.bold(keyId)}: ${changed}; ${end}\n`;
  context.stdout.write(wrapLines(line, context.stdout.columns));
}

/** Warns which values of earlier keys are left, and whether another run would re-mask them. */
export function warnOfLeft({ log }: Context, table: string, { left = [] }: RotationReport): void {
  const [again, never] = [total(left, "inVault"), total(left, "values") - total(left, "inVault")];
  if (again > 0) {
    log.warn(
      `${plural(again, "value")} of earlier keys arrived during the rotation (${byKey(left, ({ inVault }) => inVault)}). ` +
        "Make sure that every drain uses the new key as its first one, then run rotate again.",
    );
  }
  if (never > 0) {
    log.warn(
      `${plural(never, "value")} of earlier keys in ${printable(table)} could not be re-masked (${byKey(left, ({ values, inVault }) => values - inVault)}), ` +
        "because the vault does not contain them. Possible causes: FETCH_ETL_RECOVERY_RECIPIENT was not set when they were loaded, or they were forgotten.",
    );
  }
}

/** Warns which tables the vault entries of earlier keys were kept for. */
export function warnOfKept({ log }: Context, { keptFor }: RotationReport): void {
  if (keptFor.length === 0) return;
  log.warn(
    `All vault entries of earlier keys were kept, because other tables have columns of the same names: ${printable(keptFor.join(", "))}. ` +
      "If one of these tables contains tokens, run rotate with --table for it. rotate keeps the entries while these tables exist.",
  );
}

/** For an entry that was altered or is missing. */
export function writeAltered({ log }: Context, token: string): void {
  log.error(
    `Cannot decrypt the vault entry of ${printable(token)}: the entry or its data key was altered after encryption, or is missing. ` +
      "Rows that were already re-masked stay re-masked. Find out who can write to the vault. Then restore the entry from a backup or " +
      "forget its token, and run rotate again to continue.",
  );
}

function total(left: readonly Left[], what: "values" | "inVault"): number {
  return left.reduce((sum, each) => sum + each[what], 0);
}

/** `key abcdefgh: 1,200, key …: 3`. */
function byKey(left: readonly Left[], valuesOf: (left: Left) => number): string {
  return left
    .filter((each) => valuesOf(each) > 0)
    .map((each) => `key ${each.keyId}: ${count(valuesOf(each))}`)
    .join(", ");
}
