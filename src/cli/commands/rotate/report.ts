// What `rotate` tells.
import type { Left, RotationReport } from "../../../recovery/rotate.ts";
import type { Context } from "../../context.ts";
import { writeJson } from "../../json.ts";
import { count, styleFor, plural, printable } from "../../terminal/style.ts";

/** `left` is null where the run was stopped before it could count. */
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

/** One line. */
export function writeRotated(context: Context, keyId: string, { rows, vault, left }: RotationReport): void {
  const style = styleFor(context.stdout, context.env);
  const changed = `${plural(rows, "row")} and ${plural(vault, "vault entry", "vault entries")} changed`;
  const end =
    left === undefined
      ? "stopped by a signal: run it again to go on"
      : `${plural(total(left, "values"), "value")} in rows left with earlier keys`;
  context.stdout.write(`${style.bold(keyId)}: ${changed}; ${end}\n`);
}

/** Says what is left, and whether another run would change it. */
export function warnOfLeft({ log }: Context, table: string, { left = [] }: RotationReport): void {
  const [again, never] = [total(left, "inVault"), total(left, "values") - total(left, "inVault")];
  if (again > 0) {
    log.warn(
      `${plural(again, "value")} with earlier keys came while this ran (${byKey(left, ({ inVault }) => inVault)}): ` +
        "see that every drain has the new key first, and run rotate again.",
    );
  }
  if (never > 0) {
    log.warn(
      `${plural(never, "value")} in ${printable(table)} stay with earlier keys (${byKey(left, ({ values, inVault }) => values - inVault)}), ` +
        "because the vault does not hold them: they were loaded while FETCH_ETL_RECOVERY_RECIPIENT was not set, or were forgotten.",
    );
  }
}

/** Says which tables the vault's earlier entries were kept for. */
export function warnOfKept({ log }: Context, { keptFor }: RotationReport): void {
  if (keptFor.length === 0) return;
  log.warn(
    `No vault entry of an earlier key was deleted, because other tables have the columns masked_ip and masked_device_id: ${printable(keptFor.join(", "))}. ` +
      "rotate does not read them. Where one holds tokens, run rotate with --table for it; the entries stay, and lead back from its tokens, until these tables are gone.",
  );
}

/** For an entry that is not as it was sealed. */
export function writeAltered({ log }: Context, token: string): void {
  log.error(
    `The vault's entry for ${printable(token)} cannot be opened: it or its data key was altered after it was sealed, or is missing. ` +
      "What was changed before it stays changed. Find out who may write to the vault, bring the entry back from a backup, or " +
      "forget its token; then run rotate again, which goes on from here.",
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
