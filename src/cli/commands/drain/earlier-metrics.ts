// Reads the metrics file of an earlier run. It understands only the format that metrics.ts writes.

/** The content of an earlier run's file. */
export interface EarlierMetrics {
  readonly queue: string;
  /** A sample's value, by the metric's full name and its labels other than `queue`; 0 if there is none. */
  value(name: string, labels: Labels): number;
}

export type Labels = Readonly<Record<string, string>>;

const COMMENT = /^# (HELP|TYPE) fetch_etl_\w+ /;
const SAMPLE = /^(?<name>fetch_etl_\w+)\{(?<labels>[^{}]*)\} (?<value>\d\S*)$/;
const LABEL = /^(\w+)="([^"\\]*)"$/;

/** @returns undefined if a line has another format, or the lines belong to several queues */
export function parseMetrics(text: string): EarlierMetrics | undefined {
  const values = new Map<string, number>();
  const queues = new Set<string>();
  for (const line of text.split("\n")) {
    if (line === "" || COMMENT.test(line)) continue;
    const { name = "", labels = "", value = "" } = SAMPLE.exec(line)?.groups ?? {};
    const pairs = labels.split(",").map((label) => LABEL.exec(label));
    const number = Number(value);
    if (value === "" || !Number.isFinite(number)) return undefined;
    const read: Record<string, string> = {};
    for (const pair of pairs) {
      const [, key, content] = pair ?? [];
      if (key === undefined || content === undefined) return undefined;
      if (key === "queue") queues.add(content);
      else read[key] = content;
    }
    values.set(keyOf(name, read), number);
  }
  const [queue, ...others] = queues;
  if (queue === undefined || others.length > 0) return undefined;
  return { queue, value: (name, labels) => values.get(keyOf(name, labels)) ?? 0 };
}

function keyOf(name: string, labels: Labels): string {
  return JSON.stringify([name, ...Object.entries(labels).toSorted()]);
}
