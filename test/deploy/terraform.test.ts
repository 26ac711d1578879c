// The Terraform module is consistent, and starts the same as the CloudFormation template.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { readPolicy } from "./policy.ts";

/** HCL as JSON. Imported without its types, because they include those of browsers. */
const { parse: parseHcl } = createRequire(import.meta.url)("@cdktn/hcl2json") as {
  readonly parse: (file: string, text: string) => Promise<unknown>;
};

const MODULE = new URL("../../deploy/terraform/", import.meta.url);
const text = readdirSync(MODULE)
  .map((file) => readFileSync(new URL(file, MODULE), "utf8"))
  .join("\n");

/** A block's content; an expression is a string such as `${var.name}`. */
type Block = Readonly<Record<string, unknown>>;
/** By label, and by name if a block has two. */
type Blocks = Readonly<Record<string, Readonly<Record<string, readonly Block[]>>>>;
interface Module {
  readonly variable: Readonly<Record<string, readonly Block[]>>;
  readonly locals: readonly Block[];
  readonly resource: Blocks;
  readonly data: Blocks;
}
const { variable, locals, resource, data } = (await parseHcl("module.tf", text)) as Module;

const template = parseYaml(readFileSync(new URL("../ecs/template.yaml", MODULE), "utf8"), {
  logLevel: "silent",
}) as { Resources: Readonly<Record<string, { Properties: Block }>> };

/** The JSON value of an expression that is made of literals; others stay text. */
async function valueOf(expression: string): Promise<unknown> {
  return ((await parseHcl("value.tf", `value = ${expression}`)) as Block)["value"];
}

describe("its references", () => {
  const used = (pattern: RegExp): string[] => [
    ...new Set([...text.matchAll(pattern)].map(([, ...names]) => names.join("."))),
  ];

  it("are to variables that are declared, and use all of them", () => {
    expect(used(/\bvar\.(\w+)/g).toSorted()).toEqual(Object.keys(variable).toSorted());
  });

  it("are to locals that are set, and use all of them", () => {
    expect(used(/\blocal\.(\w+)/g).toSorted()).toEqual(Object.keys(locals[0] ?? {}).toSorted());
  });

  it("are to resources and data that exist, and use all of them", () => {
    const declared = (blocks: Blocks): string[] =>
      Object.entries(blocks).flatMap(([type, named]) => Object.keys(named).map((name) => `${type}.${name}`));
    for (const name of used(/(?<!data\.)\b(aws_\w+)\.(\w+)/g)) expect(declared(resource)).toContain(name);
    expect(used(/\bdata\.(aws_\w+)\.(\w+)/g).toSorted()).toEqual(declared(data).toSorted());
  });
});

it("describes every variable, and has a default for each that does not name a resource of the account", () => {
  const declared = Object.entries(variable).map(([name, [block]]) => ({ name, ...block }));
  expect(declared.filter((each) => !("description" in each) || !("type" in each))).toEqual([]);
  expect(declared.filter((each) => !("default" in each)).map(({ name }) => name)).toEqual([
    ...[
      "cluster_arn",
      "database_url",
      "image",
      "masking_key",
      "queue_arn",
      "security_group_ids",
      "subnet_ids",
    ],
  ]);
});

interface Grant {
  readonly actions: readonly string[];
  readonly resources: unknown;
  readonly condition?: unknown;
}

/** The statements of a policy document, also those that depend on a variable. */
function statementsOf(document: string): Grant[] {
  const [block] = data["aws_iam_policy_document"]?.[document] ?? [];
  const { dynamic } = (block ?? {}) as { dynamic?: { statement: readonly { content: readonly Grant[] }[] } };
  const { statement = [] } = (block ?? {}) as { statement?: readonly Grant[] };
  return [...statement, ...(dynamic?.statement.flatMap(({ content }) => content) ?? [])];
}

it("allows the drain exactly what the policies in deploy/iam/ allow for its queue and its secrets", () => {
  const rights = ["drain.json", "secrets-manager.json", "parameter-store.json", "encrypted-key.json"].flatMap(
    (file) => readPolicy(file).Statement.map((each) => JSON.stringify(each.Action)),
  );
  const granted = statementsOf("task");
  expect(new Set(granted.map(({ actions }) => JSON.stringify(actions)))).toEqual(new Set(rights));
  for (const { actions, condition } of granted) {
    const conditions = (condition ?? []) as readonly { variable: string }[];
    expect(conditions.map(({ variable: name }) => name)).toEqual(
      actions.includes("kms:Decrypt")
        ? [expect.stringMatching(/^kms:(ViaService|EncryptionContext:fetch-etl)$/)]
        : [],
    );
  }
});

it("allows each action on one resource, except the one action that supports none", () => {
  const statements = Object.keys(data["aws_iam_policy_document"] ?? {}).flatMap(statementsOf);
  const everywhere = statements.filter(({ resources }) => [resources].flat().includes("*"));
  expect(everywhere.flatMap(({ actions }) => actions)).toEqual(["ecr:GetAuthorizationToken"]);
  expect(statements.flatMap(({ actions }) => actions).join()).not.toContain("*");
});

it("starts the same container as the CloudFormation template, except for its image and its variables", async () => {
  const [task] = resource["aws_ecs_task_definition"]?.["drain"] ?? [];
  const [, definitions = ""] =
    /^\$\{jsonencode\((\[[\s\S]*\])\)\}$/.exec(String(task?.["container_definitions"])) ?? [];
  const [container] = (await valueOf(definitions)) as Block[];
  const [theirs] = template.Resources["Task"]?.Properties["ContainerDefinitions"] as Block[];
  expect(container).toMatchObject({
    name: theirs?.["Name"],
    essential: theirs?.["Essential"],
    user: theirs?.["User"],
    readonlyRootFilesystem: theirs?.["ReadonlyRootFilesystem"],
    stopTimeout: theirs?.["StopTimeout"],
    linuxParameters: { capabilities: { drop: ["ALL"] } },
  });
  const [, command = ""] = /^\$\{concat\((\[.*\]), var\.args\)\}$/.exec(String(container?.["command"])) ?? [];
  const limit = String(variable["max_seconds"]?.[0]?.["default"]);
  expect(await valueOf(command.replace("tostring(var.max_seconds)", `"${limit}"`))).toEqual(
    theirs?.["Command"],
  );
  expect(Object.keys(container ?? {}).toSorted()).toEqual(
    Object.keys(theirs ?? {})
      .map((name) => name.charAt(0).toLowerCase() + name.slice(1))
      .toSorted(),
  );
  const { Cpu: cpu, Memory: memory } = template.Resources["Task"]?.Properties ?? {};
  expect([String(task?.["cpu"]), String(task?.["memory"])]).toEqual([cpu, memory]);
});

describe.each([
  ["age", "AgeAlarm"],
  ["quarantine", "QuarantineAlarm"],
] as const)("the alarm on %s", (name, theirName) => {
  const [alarm] = resource["aws_cloudwatch_metric_alarm"]?.[name] ?? [];
  const theirs = template.Resources[theirName]?.Properties;

  it("is the CloudFormation template's", () => {
    expect({
      Namespace: alarm?.["namespace"],
      MetricName: alarm?.["metric_name"],
      Statistic: alarm?.["statistic"],
      Period: alarm?.["period"],
      EvaluationPeriods: alarm?.["evaluation_periods"],
      ComparisonOperator: alarm?.["comparison_operator"],
      TreatMissingData: alarm?.["treat_missing_data"],
    }).toEqual({
      Namespace: theirs?.["Namespace"],
      MetricName: theirs?.["MetricName"],
      Statistic: theirs?.["Statistic"],
      Period: theirs?.["Period"],
      EvaluationPeriods: theirs?.["EvaluationPeriods"],
      ComparisonOperator: theirs?.["ComparisonOperator"],
      TreatMissingData: theirs?.["TreatMissingData"],
    });
    const dimensions = theirs?.["Dimensions"] as readonly { Name: string }[];
    const names = dimensions.map(({ Name: each }) => each);
    expect(Object.keys(alarm?.["dimensions"] ?? {}).toSorted()).toEqual(names.toSorted());
  });
});

it("the alarm on the quarantine reads a metric that the drain writes, in the embedded metric format", () => {
  const [alarm] = resource["aws_cloudwatch_metric_alarm"]?.["quarantine"] ?? [];
  const page = readFileSync(new URL("../../docs/monitoring.md", MODULE), "utf8");
  const metrics = [...page.matchAll(/^\| `(fetch_etl_\w+)`/gm)].map(([, name = ""]) => name);
  // The value of a label is part of the name there.
  expect(metrics.map((name) => `${name}_quarantined`)).toContain(alarm?.["metric_name"]);
  expect(alarm).toMatchObject({ namespace: "fetch-etl", dimensions: { queue: "${local.queue_name}" } });
});

const tool = ["terraform", "tofu"].find((each) => spawnSync(each, ["version"]).status === 0);

it.skipIf(tool === undefined)(
  "is formatted (skipped where neither Terraform nor OpenTofu is installed)",
  () => {
    const args = ["fmt", "-check", "-diff", fileURLToPath(MODULE)];
    expect(spawnSync(tool ?? "", args, { encoding: "utf8" })).toMatchObject({ status: 0, stdout: "" });
  },
);
