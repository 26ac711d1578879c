// Brings rows and vault to another masking key, batch by batch. Knows the database as a port only.

/** The tables. Each call is one transaction, so that a run can be killed between any two, or in one, and run again. */
export interface RotationTables {
  /** How many batches the rows that are there now make. */
  readonly rowBatches: number;
  /** Names of other tables that may hold tokens. While there are any, no entry is deleted: theirs would be without a way back. */
  readonly others: readonly string[];
  /**
   * Gives the rows of a batch, counted from 0, their new tokens, and the vault the entries for these. What the vault does not
   * hold stays as it is.
   *
   * @returns how many rows were changed
   */
  changeRows(batch: number): Promise<number>;
  /**
   * Makes new entries for the next few earlier ones of the vault, which stay.
   *
   * @param after the last token of the call before; at first the empty text
   * @returns the earlier ones' tokens, in order; none at the end
   */
  copyEntries(after: string): Promise<readonly string[]>;
  /**
   * Deletes entries that were copied, except those whose token still stands in a row. It takes a look at all rows.
   *
   * @returns how many were deleted
   */
  deleteEntries(tokens: readonly string[]): Promise<number>;
  /** What is left in the rows, by key id. */
  left(): Promise<readonly Left[]>;
}

/** Values in rows with tokens of an earlier key; a row has two, and equal ones are counted each time. */
export interface Left {
  readonly keyId: string;
  readonly values: number;
  /** How many of them the vault holds: they came, or were being changed by others, meanwhile. */
  readonly inVault: number;
}

export interface RotationReport {
  /** Rows that were given a new token or two. */
  readonly rows: number;
  /** Entries of the vault that went for new ones. */
  readonly vault: number;
  /** The other tables for whose sake the earlier entries stay. */
  readonly keptFor: readonly string[];
  /** Undefined where the run was stopped before its end. */
  readonly left: readonly Left[] | undefined;
}

/** Tokens a deletion: it reads all rows, and must not do so for a few. */
const DELETE_AT_ONCE = 100_000;

/**
 * Rotates: first all rows, then the vault. An earlier entry goes last, when no row needs it any more, so that a run that is
 * killed can be run again. A drain that still masks with an earlier key adds rows behind the walk: they keep their entries, are
 * counted as left, and want another run.
 *
 * @param stop ends the run after the batch under way
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
