// A message as a mapping reads it, to be shown: by `peek`, and by `mapping try`.
import type { Column, Reading, RecordReading } from "../mapping/mapping.ts";

/** A record as a drain would load, quarantine or skip it. */
export type ShownRecord = { readonly record: number } & (
  | { readonly cells: readonly (string | null)[] }
  | { readonly rejection: readonly string[] }
  | { readonly skipped: true }
);

/** What `peek` shows of a message with very many records. */
const MOST_RECORDS = 1_000;

export function recordsToShow(reading: Reading, most = MOST_RECORDS): ShownRecord[] {
  if (reading.kind === "rejected") return [{ record: 0, rejection: reading.reasons }];
  if (reading.kind === "skipped") return [{ record: 0, skipped: true }];
  const shown: ShownRecord[] = [];
  for (const record of reading.records) {
    if (shown.length === most) break;
    shown.push(toShownRecord(record));
  }
  return shown;
}

function toShownRecord(reading: RecordReading): ShownRecord {
  const record = reading.index;
  switch (reading.kind) {
    case "row":
      return { record, cells: reading.cells };
    case "rejected":
      return { record, rejection: reading.reasons };
    case "skipped":
      return { record, skipped: true };
  }
}

/** For JSON: the record's index, and its row by column, or why there is none. */
export function recordFields(
  columns: readonly Column[],
  { record, ...outcome }: ShownRecord,
): Readonly<Record<string, unknown>> {
  if (!("cells" in outcome)) return { record, ...outcome };
  const cells = columns.map(({ name }, index) => [name, outcome.cells[index] ?? null]);
  return { record, row: Object.fromEntries(cells) as Readonly<Record<string, string | null>> };
}
