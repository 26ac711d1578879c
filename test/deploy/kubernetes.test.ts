// The manifests are what Kubernetes and KEDA take, and fit what a drain does.
import { readdirSync, readFileSync } from "node:fs";
import type { IScaledJob } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledJob";
import type { ICronJob } from "kubernetes-models/batch/v1/CronJob";
import type { IJobSpec } from "kubernetes-models/batch/v1/JobSpec";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { CLEAN_STOP_SECONDS, maxSeconds } from "./clean-stop.ts";
import { KUBERNETES, mistakesIn, readManifests, type Manifest } from "./manifest.ts";
import { variables } from "../support/program.ts";

const files = readdirSync(KUBERNETES);
const manifests = new Map(files.flatMap(readManifests).map((manifest) => [manifest.kind, manifest] as const));
const cronJob = manifests.get("CronJob") as Manifest & ICronJob;
const scaledJob = manifests.get("ScaledJob") as Manifest & IScaledJob;
const jobs: (readonly [string, IJobSpec | undefined])[] = [
  ["the CronJob", cronJob.spec?.jobTemplate.spec],
  ["the ScaledJob", scaledJob.spec?.jobTargetRef as IJobSpec | undefined],
];

describe("the models", () => {
  it.each([
    ["a field that is misspelt", { ...cronJob, spec: { ...cronJob.spec, concurencyPolicy: "Forbid" } }],
    ["a value that is none", { ...cronJob, spec: { ...cronJob.spec, concurrencyPolicy: "Never" } }],
    ["a field that is missing", { ...cronJob, spec: { schedule: "* * * * *" } }],
    ["a kind that is none", { ...cronJob, kind: "CornJob" }],
    ["a field of KEDA's that is misspelt", { ...scaledJob, spec: { ...scaledJob.spec, maxReplicas: 1 } }],
  ])("tell of %s", (_what, manifest) => {
    expect(mistakesIn(manifest)).not.toEqual([]);
  });
});

describe.each(files)("%s", (file) => {
  it("has no mistake", () => {
    expect(readManifests(file).flatMap(mistakesIn)).toEqual([]);
  });

  it("holds no secret", () => {
    expect(readFileSync(new URL(file, KUBERNETES), "utf8")).not.toMatch(
      /AKIA|[A-Za-z0-9+/_-]{43}|-----BEGIN/,
    );
  });
});

describe.each(jobs)("%s", (_name, job) => {
  const pod = job?.template.spec;
  const container = pod?.containers[0];

  it("gives a drain time for a clean stop", () => {
    expect(pod?.terminationGracePeriodSeconds).toBeGreaterThan(CLEAN_STOP_SECONDS);
  });

  it("lasts as long as all its attempts, with their ends and the pauses between them", () => {
    const { backoffLimit = 0, activeDeadlineSeconds = 0 } = job ?? {};
    const pauses = Array.from({ length: backoffLimit }, (_, nth) => 10 * 2 ** nth).reduce((a, b) => a + b, 0);
    const attempt = maxSeconds(container?.args) + (pod?.terminationGracePeriodSeconds ?? 0);
    expect(activeDeadlineSeconds).toBeGreaterThanOrEqual((backoffLimit + 1) * attempt + pauses);
  });

  it("is over where another attempt cannot help, and attempts again where it can", () => {
    const byCode = job?.podFailurePolicy?.rules.find(({ onExitCodes }) => onExitCodes !== undefined);
    expect(byCode).toMatchObject({
      action: "FailJob",
      onExitCodes: {
        containerName: container?.name,
        operator: "In",
        values: [EXIT.configuration, EXIT.quarantined],
      },
    });
    // Kubernetes takes a policy for exit codes only where the kubelet does not start a container again by itself.
    expect(pod?.restartPolicy).toBe("Never");
    expect(job?.backoffLimit).toBeGreaterThan(0);
  });

  it("has no more rights than it needs", () => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: "RuntimeDefault" } },
    });
    expect(pod?.containers).toHaveLength(1);
    expect(container?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  });

  it("sets only variables that are read, and reads keys that the secret has", () => {
    const secret = Object.keys(manifests.get("Secret")?.["stringData"] ?? {});
    const used = [
      ...(pod?.volumes ?? []).flatMap((volume) => volume.secret?.items?.map(({ key }) => key) ?? []),
      ...(container?.env ?? []).flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.key ?? []),
    ];
    for (const { name } of container?.env ?? []) expect(variables).toContain(name);
    expect(used.toSorted()).toEqual(secret.toSorted());
  });

  it("finds the masking key where its file is mounted", () => {
    const path = container?.env?.find(({ name }) => name === "FETCH_ETL_MASKING_KEY_FILE")?.value;
    const [mount] = container?.volumeMounts ?? [];
    const [volume] = pod?.volumes ?? [];
    expect(path).toBe(`${mount?.mountPath ?? ""}/${volume?.secret?.items?.[0]?.path ?? ""}`);
    expect(mount?.name).toBe(volume?.name);
  });
});

it("the two jobs start the same pod", () => {
  expect(jobs[1]?.[1]?.template).toEqual(jobs[0]?.[1]?.template);
});

it("the scaler asks for the queue that the drain reads", () => {
  const env = scaledJob.spec?.jobTargetRef.template.spec?.containers[0]?.env ?? [];
  const [trigger] = scaledJob.spec?.triggers ?? [];
  expect(trigger?.metadata).toMatchObject({
    queueURL: env.find(({ name }) => name === "FETCH_ETL_QUEUE")?.value,
    awsRegion: env.find(({ name }) => name === "AWS_REGION")?.value,
  });
  expect(trigger?.authenticationRef?.name).toBe(
    (manifests.get("TriggerAuthentication")?.["metadata"] as { name: string }).name,
  );
});
