// The CloudFormation template is one, and fits what a drain does.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { withFolder } from "../support/folder.ts";
import { CLEAN_STOP_SECONDS, maxSeconds } from "./clean-stop.ts";
import { queueActions, readPolicy, type Statement } from "./policy.ts";
import { variables } from "../support/program.ts";

const PATH = fileURLToPath(new URL("../../deploy/ecs/template.yaml", import.meta.url));
const text = readFileSync(PATH, "utf8");

interface Named {
  readonly Name: string;
  readonly Value?: string;
}
interface Role {
  readonly Properties: {
    readonly Policies: readonly { readonly PolicyDocument: { readonly Statement: readonly unknown[] } }[];
  };
}
interface Template {
  readonly Resources: {
    readonly TaskRole: Role;
    readonly ExecutionRole: Role;
    readonly ScheduleRole: Role;
    readonly Task: { readonly Properties: { readonly ContainerDefinitions: readonly Container[] } };
    readonly Schedule: { readonly Properties: { readonly ScheduleExpression: string } };
  };
}
interface Container {
  readonly Command: readonly string[];
  readonly User: string;
  readonly ReadonlyRootFilesystem: boolean;
  readonly StopTimeout: number;
  readonly Environment: readonly Named[];
}

/** CloudFormation's short functions (`!Ref x`) become what they are given. */
const { Resources: resources } = parse(text, { logLevel: "silent" }) as Template;
const [container] = resources.Task.Properties.ContainerDefinitions;

/** What a role's policies say; of `!If [condition, statement, …]` the statement. */
function statementsOf({ Properties: { Policies: policies } }: Role): Statement[] {
  return policies
    .flatMap(({ PolicyDocument: document }) => document.Statement)
    .map((each) => (Array.isArray(each) ? (each[1] as Statement) : (each as Statement)));
}

/** The statements of a policy in deploy/iam/, with the template's account and key filled in. */
function filledIn(file: string, key: string): Statement[] {
  const text = JSON.stringify(readPolicy(file).Statement)
    .replaceAll("arn:aws:kms:REGION:ACCOUNT_ID:key/KMS_KEY_ID", key)
    .replaceAll(
      '"arn:aws:secretsmanager:REGION:ACCOUNT_ID:secret:SECRET_NAME-SUFFIX"',
      '["MaskingKeySecretArn","DatabaseUrlSecretArn"]',
    )
    .replaceAll("arn:aws:", "arn:${AWS::Partition}:")
    .replaceAll("REGION", "${AWS::Region}")
    .replaceAll("amazonaws.com", "${AWS::URLSuffix}")
    .replaceAll("ACCOUNT_ID", "${AWS::AccountId}")
    .replaceAll("QUEUE_NAME", "${QueueName}");
  return JSON.parse(text) as Statement[];
}

it("allows the drain exactly what deploy/iam/ allows for its queue and its secrets", () => {
  const granted = statementsOf(resources.TaskRole);
  const unnamed = (statements: readonly Statement[]): object[] =>
    statements.map((each) => ({ ...each, Sid: "" }));
  expect(unnamed(granted)).toEqual(
    unnamed([
      ...filledIn("drain.json", "QueueKmsKeyArn"),
      ...filledIn("secrets-manager.json", "SecretsKmsKeyArn"),
    ]),
  );
  expect(queueActions({ Version: "", Statement: granted })).toHaveLength(5);
});

it("allows each action on one resource, except the one action that supports none", () => {
  const statements = [resources.TaskRole, resources.ExecutionRole, resources.ScheduleRole].flatMap(
    statementsOf,
  );
  const everywhere = statements.filter(({ Resource: resource }) => [resource].flat().includes("*"));
  expect(everywhere.flatMap(({ Action: actions }) => actions)).toEqual(["ecr:GetAuthorizationToken"]);
  expect(statements.flatMap(({ Action: actions }) => actions).join()).not.toContain("*");
});

it("runs as an unprivileged user, without capabilities and with a read-only disk", () => {
  expect(container).toMatchObject({
    User: "1000:1000",
    ReadonlyRootFilesystem: true,
    LinuxParameters: { Capabilities: { Drop: ["ALL"] } },
  });
});

it("gives a drain time for a clean stop, within Fargate's limit of 120 s", () => {
  expect(container?.StopTimeout).toBeGreaterThan(CLEAN_STOP_SECONDS);
  expect(container?.StopTimeout).toBeLessThanOrEqual(120);
});

it("has a drain end before the next one starts", () => {
  const [, minutes] = /^rate\((\d+) minutes\)$/.exec(resources.Schedule.Properties.ScheduleExpression) ?? [];
  expect(maxSeconds(container?.Command) + CLEAN_STOP_SECONDS).toBeLessThan(Number(minutes) * 60);
});

it("sets only variables that fetch-etl reads, and references for the secrets", () => {
  const environment = new Map(container?.Environment.map(({ Name: name, Value: value }) => [name, value]));
  for (const name of environment.keys()) expect(variables).toContain(name);
  expect(environment.get("FETCH_ETL_MASKING_KEY")).toBe("MaskingKeySecretArn");
  expect(environment.get("DATABASE_URL")).toBe("DatabaseUrlSecretArn");
  expect(container).not.toHaveProperty("Secrets");
});

const hasLinter = spawnSync("cfn-lint", ["--version"]).status === 0;

it.skipIf(!hasLinter)(
  "cfn-lint finds nothing to say, and would find a property that is misspelt (skipped where it is not installed)",
  () =>
    withFolder(async (folder) => {
      const misspelt = join(folder, "template.yaml");
      await writeFile(misspelt, text.replace("StopTimeout:", "StopTime:"));
      const args = ["--include-checks", "I", "--format", "parseable", "--", PATH, misspelt];
      const { stdout } = spawnSync("cfn-lint", args, { encoding: "utf8" });
      expect(stdout.split("\n").filter((line) => line !== "" && !line.startsWith(misspelt))).toEqual([]);
      expect(stdout).toContain("StopTime");
    }),
);
