// The alert rules and the dashboard speak of the metrics that a drain really writes, in Prometheus' own language.
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parser } from "@prometheus-io/lezer-promql";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { generateMessages } from "../../sandbox/messages.ts";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { withBench } from "../support/bench.ts";
import { withFolder } from "../support/folder.ts";

const RULES = fileURLToPath(new URL("../../deploy/prometheus-alerts.yml", import.meta.url));
const RULES_TEST = fileURLToPath(new URL("prometheus-alerts.test.yml", import.meta.url));
const DASHBOARD = fileURLToPath(new URL("../../deploy/grafana-dashboard.json", import.meta.url));

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly description: string;
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly targets: readonly { readonly expr: string }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
}

const rules = (
  parse(readFileSync(RULES, "utf8")) as { groups: readonly { rules: readonly Rule[] }[] }
).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(readFileSync(DASHBOARD, "utf8")) as Dashboard;

/** Grafana puts its variables' values in before Prometheus sees the expression. */
function withoutVariables(expr: string): string {
  return expr.replace(/\$__(interval|range|rate_interval)/g, "5m").replaceAll("$queue", ".*");
}
const expressions: (readonly [string, string])[] = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => [title, withoutVariables(expr)] as const),
  ),
];

/** What every series of a scrape has besides its own labels. */
const SCRAPED = ["job", "instance"];
/** Metrics of node_exporter's own. */
const NODE_EXPORTER = ["node_textfile_scrape_error"];

interface Parsed {
  readonly mistakes: readonly string[];
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
  /** Label and value of every matcher for an equal value. */
  readonly equals: readonly (readonly [label: string, value: string])[];
}

/** Reads an expression with Prometheus' own grammar. */
function promql(expr: string): Parsed {
  const found = {
    mistakes: [] as string[],
    metrics: [] as string[],
    labels: [] as string[],
    equals: [] as (readonly [string, string])[],
  };
  parser.parse(expr).iterate({
    enter: ({ name, type, from, to, node }) => {
      const text = expr.slice(from, to);
      if (type.isError) found.mistakes.push(`${from}: ${text}`);
      if (name === "Identifier" && node.parent?.name === "VectorSelector") found.metrics.push(text);
      if (name === "LabelName") found.labels.push(text);
      const [, label, value] = /^(\w+)="([^"]*)"$/.exec(text) ?? [];
      if (name === "UnquotedLabelMatcher" && label !== undefined && value !== undefined)
        found.equals.push([label, value]);
    },
  });
  return found;
}

/** A metrics file that a real drain wrote. */
let file = "";
let names: ReadonlySet<string>;
let labels: ReadonlyMap<string, ReadonlySet<string>>;

beforeAll(async () => {
  file = await withBench((bench) =>
    withFolder(async (folder) => {
      await bench.send(generateMessages(100));
      await bench.run(["drain", "--quiet", "--metrics", join(folder, "run.prom")]);
      return readFile(join(folder, "run.prom"), "utf8");
    }),
  );
  names = new Set([...file.matchAll(/^(fetch_etl_\w+)\{/gm)].map(([, name = ""]) => name));
  const values = new Map<string, Set<string>>();
  for (const [, label = "", value = ""] of file.matchAll(/(\w+)="([^"]*)"/g))
    values.set(label, (values.get(label) ?? new Set()).add(value));
  labels = values;
});

describe("the reader of expressions", () => {
  it("finds a mistake", () => {
    expect(promql("sum by (queue) (increase(a[5m])").mistakes).not.toEqual([]);
    expect(promql("a ==").mistakes).not.toEqual([]);
  });

  it("finds metrics, labels and values", () => {
    expect(promql('sum by (queue) (increase(a{outcome="loaded", x=~"y"}[5m])) / on (host) b > 0')).toEqual({
      mistakes: [],
      metrics: ["a", "b"],
      labels: ["queue", "outcome", "x", "host"],
      equals: [["outcome", "loaded"]],
    });
  });
});

describe.each(expressions)("%s: %s", (_, expr) => {
  it("is an expression", () => {
    expect(promql(expr).mistakes).toEqual([]);
  });

  it("names only metrics and labels that a drain writes", () => {
    const parsed = promql(expr);
    expect(parsed.metrics.length).toBeGreaterThan(0);
    for (const name of parsed.metrics) expect([...names, ...NODE_EXPORTER]).toContain(name);
    for (const label of parsed.labels) expect([...labels.keys(), ...SCRAPED]).toContain(label);
    for (const [label, value] of parsed.equals) expect(labels.get(label)).toContain(value);
  });
});

describe("the alert rules", () => {
  it.each(rules.map((rule) => [rule.alert, rule] as const))(
    "%s says what is wrong and the way out",
    (_, rule) => {
      expect(rule.for).toMatch(/^\d+[smh]$/);
      expect(rule.labels["severity"]).toMatch(/^(critical|warning)$/);
      expect(rule.annotations["summary"]).toMatch(/\S/);
      expect(rule.annotations["description"]).toMatch(/[.?]$/);
    },
  );

  it("have names of their own", () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  it("compare with exit codes that there are", () => {
    const compared = rules.flatMap(({ expr }) =>
      [...expr.matchAll(/exit_code == (\d+)/g)].map(([, code]) => Number(code)),
    );
    expect(compared.length).toBeGreaterThan(0);
    for (const code of compared) expect(Object.values(EXIT)).toContain(code);
  });
});

describe("the dashboard", () => {
  it("asks for its data source and lets a queue be chosen", () => {
    expect(dashboard.templating.list).toMatchObject([
      { name: "datasource", type: "datasource" },
      { name: "queue", type: "query", definition: "label_values(fetch_etl_runs_total, queue)" },
    ]);
    expect(names).toContain("fetch_etl_runs_total");
  });

  it("names no data source of anybody's own", () => {
    const sources = [...readFileSync(DASHBOARD, "utf8").matchAll(/"uid": "([^"]*)"/g)].map(([, uid]) => uid);
    expect(new Set(sources)).toEqual(new Set(["${datasource}", "fetch-etl"]));
  });

  it("has panels with a title and a description, each in a place of its own on Grafana's grid of 24", () => {
    const taken = new Set<string>();
    for (const { title, description, gridPos } of dashboard.panels) {
      expect(title).not.toBe("");
      expect(description).toMatch(/\.$/);
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken, title).not.toContain(`${x},${y}`);
          taken.add(`${x},${y}`);
        }
      }
    }
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });

  it("shows every metric, but for what rules alone ask for", () => {
    const shown = dashboard.panels.flatMap(({ targets }) =>
      targets.flatMap(({ expr }) => promql(withoutVariables(expr)).metrics),
    );
    const hidden = ["fetch_etl_last_run_messages", "fetch_etl_last_run_timestamp_seconds"];
    expect(new Set([...shown, ...hidden])).toEqual(names);
  });
});

it("the documentation names every metric with its labels, and none that is gone", () => {
  const text = readFileSync(new URL("../../docs/monitoring.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `(fetch_etl_\w+)` +\| (counter|gauge) +\| ([^|]*)\|/gm)];
  const documented = new Map(
    rows.map(([, name = "", type = "", of = ""]) => [
      name,
      { type, labels: [...of.matchAll(/`(\w+)`/g)].map(([, label]) => label) },
    ]),
  );
  expect(new Set(documented.keys())).toEqual(names);
  for (const [name, { type, labels: own }] of documented) {
    expect(file).toContain(`# TYPE ${name} ${type}\n`);
    const sample = new RegExp(`^${name}\\{(.*)\\} `, "m").exec(file)?.[1] ?? "";
    const written = [...sample.matchAll(/(\w+)="/g)].map(([, label]) => label);
    expect(["queue", ...own]).toEqual(written);
  }
});

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

describe.skipIf(!hasPromtool)("promtool (skipped where Prometheus is not installed)", () => {
  it("finds no mistake in the rules", () => {
    execFileSync("promtool", ["check", "rules", "--lint-fatal", RULES]);
  });

  it("fires each alert for what it is there for, and none while runs go well", () => {
    execFileSync("promtool", ["test", "rules", RULES_TEST]);
    const tested = readFileSync(RULES_TEST, "utf8");
    for (const { alert } of rules) expect(tested).toContain(`${alert} fires for`);
  });

  it("finds nothing to say of a real metrics file", () => {
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
      input: file,
      encoding: "utf8",
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
  });
});
