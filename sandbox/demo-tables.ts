// The two tables at the end of the demo: a few rows, and a query of an analyst.
import type { Sql } from "postgres";

/** Resolves to a table of the first rows, for 80 columns. Tokens are cut, and start after the part that is the same for all values. */
export async function firstRows(sql: Sql, count: number): Promise<string> {
  const rows = await sql<Record<string, string | null>[]>`
    select user_id, device_type as device, substr(masked_ip, 13) as masked_ip, substr(masked_device_id, 13) as masked_device,
      locale, app_version::text as version, create_date::text
    from public.user_logins limit ${count}`;
  return layOut(rows, 10);
}

/** Resolves to a table of the masked devices that occur most often. */
export async function repeatedDevices(sql: Sql, count: number): Promise<string> {
  const rows = await sql<Record<string, string | null>[]>`
    select masked_device_id, count(*)::text as logins, count(distinct user_id)::text as users,
      count(distinct masked_ip)::text as ips
    from public.user_logins
    group by masked_device_id having count(*) > 1
    order by count(*) desc, masked_device_id limit ${count}`;
  return layOut(rows, 55);
}

/** Aligns rows in columns with headings. Cuts texts longer than `width`; a null is a dash. */
function layOut(rows: readonly Readonly<Record<string, string | null>>[], width: number): string {
  const names = Object.keys(rows[0] ?? {});
  const cells = [names, ...rows.map((row) => names.map((name) => shorten(row[name] ?? "-", width)))];
  const widths = names.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  return cells
    .map((line) => `  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd())
    .join("\n");
}

function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
