// The Helm chart starts the same as deploy/kubernetes/, and rejects secrets in clear text.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { IScaledJob } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledJob";
import { Ajv, type AnySchema } from "ajv";
import type { ICronJob } from "kubernetes-models/batch/v1/CronJob";
import type { IJobSpec } from "kubernetes-models/batch/v1/JobSpec";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { mistakesIn, parseManifests, readManifests, type Manifest } from "./manifest.ts";

const CHART = new URL("../../deploy/helm/fetch-etl/", import.meta.url);

function read(file: string): string {
  return readFileSync(new URL(file, CHART), "utf8");
}

type Values = Readonly<Record<string, unknown>>;

/** The values that have no default, as the manifests of deploy/kubernetes/ set them. */
const REQUIRED = {
  image: { repository: "registry.example.com/fetch-etl" },
  queue: "https://sqs.us-east-1.amazonaws.com/111122223333/login-queue",
  region: "us-east-1",
};
const ROLE = { roleArn: "arn:aws:iam::111122223333:role/fetch-etl" };
const KEDA = { keda: { enabled: true } };
const REFERENCES = {
  FETCH_ETL_MASKING_KEY: "arn:aws:secretsmanager:us-east-1:111122223333:secret:masking-key-AbCdEf",
  DATABASE_URL: "arn:aws:ssm:us-east-1:111122223333:parameter/database-url",
};

describe("Chart.yaml", () => {
  it("has the version of package.json, and names the image of that version", () => {
    const { version } = JSON.parse(read("../../../package.json")) as { version: string };
    expect(parse(read("Chart.yaml"))).toMatchObject({
      apiVersion: "v2",
      name: "fetch-etl",
      version,
      appVersion: version,
    });
  });
});

describe("values.schema.json", () => {
  const schema = JSON.parse(read("values.schema.json")) as AnySchema & { properties: Values };
  const defaults = parse(read("values.yaml")) as Values;
  const valid = new Ajv({ allErrors: true, strictTypes: false }).compile(schema);
  const mistakes = (values: Values): string[] => {
    const isValid = valid({ ...defaults, ...values });
    return isValid === true ? [] : (valid.errors ?? []).map(({ instancePath }) => instancePath).toSorted();
  };

  it("knows each value that values.yaml has, and no other", () => {
    // Helm sets `global` by itself.
    expect(Object.keys(defaults).toSorted()).toEqual(
      Object.keys(schema.properties)
        .filter((name) => name !== "global")
        .toSorted(),
    );
    expect(mistakes({ ...REQUIRED })).toEqual([]);
    expect(mistakes({ ...REQUIRED, qeue: "q" })).toEqual([""]);
  });

  it("requires the values that have no default", () => {
    expect(mistakes({})).toEqual(["/image/repository", "/queue", "/region"]);
  });

  it("requires the queue's URL if KEDA reads its depth", () => {
    expect(mistakes({ ...REQUIRED, queue: "login-queue" })).toEqual([]);
    expect(mistakes({ ...REQUIRED, ...KEDA, queue: "login-queue" })).toContain("/queue");
  });
});

const hasHelm = spawnSync("helm", ["version"]).status === 0;

describe.skipIf(!hasHelm)("helm (skipped where it is not installed)", () => {
  const helm = (command: readonly string[], values: Values) => {
    const args = [...command, fileURLToPath(CHART), "--kube-version", "1.26.0", "--values", "-"];
    return spawnSync("helm", args, { encoding: "utf8", input: JSON.stringify({ ...REQUIRED, ...values }) });
  };
  const render = (values: Values, release = "fetch-etl"): Manifest[] => {
    const { status, stdout, stderr } = helm(["template", release], values);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    return parseManifests(stdout);
  };
  const jobOf = (manifests: readonly Manifest[]): IJobSpec | undefined => {
    const of = (kind: string) => manifests.find((each) => each.kind === kind);
    const scaled = of("ScaledJob") as (Manifest & IScaledJob) | undefined;
    const scheduled = of("CronJob") as (Manifest & ICronJob) | undefined;
    return (scaled?.spec?.jobTargetRef as IJobSpec | undefined) ?? scheduled?.spec?.jobTemplate.spec;
  };

  it("reports no warning, and would report a misspelled value", () => {
    expect(helm(["lint", "--strict"], {})).toMatchObject({ status: 0 });
    expect(helm(["lint", "--strict"], { qeue: "misspelt" })).toMatchObject({ status: 1 });
  });

  it.each([
    ["the CronJob", {}, ["service-account.yaml", "cronjob.yaml"]],
    ["the ScaledJob", KEDA, ["service-account.yaml", "keda-scaledjob.yaml"]],
  ])("renders %s of deploy/kubernetes/, with its own labels", (_name, values, files) => {
    const rendered = render({ ...ROLE, ...values });
    expect(withoutLabels(rendered)).toEqual(withoutLabels(files.flatMap(readManifests)));
  });

  it.each([
    ["a mapping, and a role elsewhere", { mapping: "table: public.orders\nfields: {}\n" }],
    ["references to secrets, under KEDA", { ...KEDA, env: REFERENCES, secretName: "" }],
    [
      "a masking key in the Secret, and an IAM login",
      { env: { PGHOST: "db", FETCH_ETL_DATABASE_AUTH: "rds-iam" } },
    ],
    [
      "pods on nodes of their own",
      { pod: { nodeSelector: { pool: "etl" }, tolerations: [{ operator: "Exists" }] } },
    ],
    ["large numbers", { ...KEDA, maxSeconds: 1_000_000, keda: { enabled: true, queueLength: 10_000_000 } }],
  ])("renders valid manifests from %s", (_what, values) => {
    const rendered = render(values, "a-release-with-a-name-of-fifty-three-characters-xxxxx");
    expect(rendered.flatMap(mistakesIn)).toEqual([]);
    for (const { metadata } of rendered as (Manifest & { metadata: { name: string } })[]) {
      expect(metadata.name.length).toBeLessThanOrEqual(52);
    }
    expect(JSON.stringify(rendered)).not.toContain("e+0");
    const pod = jobOf(rendered)?.template.spec;
    const mounted = pod?.containers[0]?.volumeMounts?.map(({ name }) => name) ?? [];
    expect(pod?.volumes?.map(({ name }) => name) ?? []).toEqual(mounted);
  });

  it("mounts the mapping at the path in its variable", () => {
    const mapping = 'table: "public.orders"\n';
    const rendered = render({ mapping });
    expect(rendered.find(({ kind }) => kind === "ConfigMap")?.["data"]).toEqual({ "mapping.yaml": mapping });
    const container = jobOf(rendered)?.template.spec?.containers[0];
    const mount = container?.volumeMounts?.find(({ name }) => name === "mapping");
    expect(container?.env).toContainEqual({
      name: "FETCH_ETL_MAPPING",
      value: `${mount?.mountPath ?? ""}/mapping.yaml`,
    });
  });

  it("uses the Secret only for what env does not set, and sets each variable once", () => {
    const variablesOf = (values: Values): (string | undefined)[] =>
      jobOf(render(values))?.template.spec?.containers[0]?.env?.map(({ name }) => name) ?? [];
    const settings = ["FETCH_ETL_QUEUE", "AWS_REGION"];
    expect(variablesOf({ env: REFERENCES, secretName: "" })).toEqual([
      ...settings,
      "DATABASE_URL",
      "FETCH_ETL_MASKING_KEY",
    ]);
    expect(variablesOf({ env: { PGHOST: "db" } })).toEqual([
      ...settings,
      "FETCH_ETL_MASKING_KEY_FILE",
      "PGHOST",
    ]);
    expect(helm(["template", "x"], { secretName: "" }).stderr).toContain("Set secretName, or set");
  });

  it("ends a job only after all its attempts, however long a drain may take", () => {
    const job = jobOf(render({ maxSeconds: 600 }));
    const { terminationGracePeriodSeconds: grace = 0, containers } = job?.template.spec ?? {};
    expect(containers?.[0]?.args).toContain("600");
    expect(job?.activeDeadlineSeconds).toBe(3 * (600 + grace) + 30);
  });

  it.each([
    { FETCH_ETL_MASKING_KEY: "s3cr3t" },
    { FETCH_ETL_MASKING_KEY: "kms:AQIC,s3cr3t" },
    { PGPASSWORD: "s3cr3t" },
    { DATABASE_URL: "postgres://u:s3cr3t@db/app" },
    { DATABASE_URL: "postgres://u@db/app?sslmode=require&password=s3cr3t" },
    { AWS_SECRET_ACCESS_KEY: "s3cr3t" },
  ])("rejects a secret in clear text, and does not print it: %j", (env) => {
    const { status, stdout, stderr } = helm(["template", "x"], { env });
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain(`env.${Object.keys(env).join()}`);
    expect(stderr).not.toContain("s3cr3t");
  });

  it("accepts a database URL without a password", () => {
    const url = "postgres://app@db.example.com:5432/app?sslmode=verify-full";
    expect(JSON.stringify(render({ env: { DATABASE_URL: url } }))).toContain(url);
  });
});

/** Without what Helm charts label by custom and plain manifests do not; in the order of kinds, which Helm changes. */
function withoutLabels(manifests: readonly Manifest[]): unknown {
  const inOrder = manifests.toSorted((a, b) => a.kind.localeCompare(b.kind));
  return JSON.parse(JSON.stringify(inOrder, (key, value: unknown) => (key === "labels" ? undefined : value)));
}
