// Re-masks rows and vault with the current masking key, in batches. The database is a port.

/** The tables. Each call is one transaction, so a run can be killed at any time and repeated. */
export interface RotationTables {
  /** Number of batches of the existing rows. */
  readonly rowBatches: number;
  /** Other tables that may contain tokens. While there are any, no entry is deleted: their tokens would become irreversible. */
  readonly others: readonly string[];
  /**
   * Re-masks the rows of a batch, counted from 0, and adds the new tokens' entries to the vault. Tokens that are not in the vault stay
   * unchanged.
   *
   * @returns the number of changed rows
   */
  changeRows(batch: number): Promise<number>;
  /**
   * Copies the next entries of earlier keys to the current key. The earlier entries stay.
   *
   * @param after the last token of the previous call; the empty text at first
   * @returns the earlier tokens, in order; none at the end
   */
  copyEntries(after: string): Promise<readonly string[]>;
  /**
   * Deletes copied entries, except those whose token is still in a row. Scans all rows.
   *
   * @returns the number of deleted entries
   */
  deleteEntries(tokens: readonly string[]): Promise<number>;
  /** The tokens of earlier keys in the rows, by key id. */
  left(): Promise<readonly Left[]>;
}

/** Tokens of an earlier key in the rows: up to two per row, equal ones counted each time. */
export interface Left {
  readonly keyId: string;
  readonly values: number;
  /** How many of them are in the vault: drains added them, or others changed them, during the run. */
  readonly inVault: number;
}

export interface RotationReport {
  /** Re-masked rows. */
  readonly rows: number;
  /** Replaced vault entries. */
  readonly vault: number;
  /** The other tables because of which the earlier entries stay. */
  readonly keptFor: readonly string[];
  /** Undefined if the run was interrupted. */
  readonly left: readonly Left[] | undefined;
}

/** Tokens per deletion. Each deletion scans all rows, so it must not be small. */
const DELETE_AT_ONCE = 100_000;

/**
 * Re-masks first all rows, then the vault. An earlier entry is deleted last, when no row needs it, so that a killed run can be repeated.
 * A drain that still masks with an earlier key may add rows during the run: they keep their entries, are counted as left, and need
 * another run.
 *
 * @param stop ends the run after the current batch
 */
export async function rotate(tables: RotationTables, stop: AbortSignal): Promise<RotationReport> {
  let rows = 0;
  for (let batch = 0; batch < tables.rowBatches && !stop.aborted; batch += 1)
    rows += await tables.changeRows(batch);
  const vault = await rotateVault(tables, stop);
  return { rows, vault, keptFor: tables.others, left: stop.aborted ? undefined : await tables.left() };
}

async function rotateVault(tables: RotationTables, stop: AbortSignal): Promise<number> {
  let deleted = 0;
  let copied: string[] = [];
  let after = "";
  while (!stop.aborted) {
    const tokens = await tables.copyEntries(after);
    copied.push(...tokens);
    const atEnd = tokens.length === 0;
    if (tables.others.length > 0) copied = [];
    if (copied.length > 0 && (atEnd || copied.length >= DELETE_AT_ONCE)) {
      deleted += await tables.deleteEntries(copied);
      copied = [];
    }
    if (atEnd) break;
    after = tokens.at(-1) ?? after;
  }
  return deleted;
}
