// Kubernetes manifests, read and held against the published models of Kubernetes and KEDA.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ScaledJob } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledJob";
import { TriggerAuthentication } from "@kubernetes-models/keda/keda.sh/v1alpha1/TriggerAuthentication";
import { CronJob } from "kubernetes-models/batch/v1/CronJob";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { Secret } from "kubernetes-models/v1/Secret";
import { ServiceAccount } from "kubernetes-models/v1/ServiceAccount";
import ts from "typescript";
import { parseAllDocuments } from "yaml";

/** The folder. */
export const KUBERNETES = new URL("../../deploy/kubernetes/", import.meta.url);

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** The documents of a file of {@link KUBERNETES}. */
export function readManifests(file: string): Manifest[] {
  return parseManifests(readFileSync(new URL(file, KUBERNETES), "utf8"));
}

/** The documents of a text. */
export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

/** What each kind is checked by: the model's own checks when it runs, and its TypeScript type, by the module that declares it. */
const MODELS = [
  ["batch/v1", "kubernetes-models/batch/v1/CronJob", CronJob],
  ["v1", "kubernetes-models/v1/ConfigMap", ConfigMap],
  ["v1", "kubernetes-models/v1/Secret", Secret],
  ["v1", "kubernetes-models/v1/ServiceAccount", ServiceAccount],
  ["keda.sh/v1alpha1", "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledJob", ScaledJob],
  [
    "keda.sh/v1alpha1",
    "@kubernetes-models/keda/keda.sh/v1alpha1/TriggerAuthentication",
    TriggerAuthentication,
  ],
] as const;

/**
 * What is wrong with a manifest, a sentence each. The models let fields pass that they do not know, and a misspelt one with them;
 * TypeScript does not, in a literal.
 */
export function mistakesIn(manifest: Manifest): string[] {
  const { apiVersion, kind } = manifest;
  const model = MODELS.find(([version, , each]) => version === apiVersion && each.kind === kind);
  if (model === undefined) return [`no model of ${apiVersion} ${kind}`];
  const [, module, Model] = model;
  const mistakes = typeErrors(
    `import type { I${kind} } from "${module}";\nexport const manifest: I${kind} = ${JSON.stringify(manifest)};\n`,
  );
  try {
    const unchecked = Model as new (data: Manifest) => InstanceType<typeof Model>;
    new unchecked(manifest).validate();
  } catch (error) {
    mistakes.push(String(error));
  }
  return mistakes;
}

/** Never written: it stands where imports are found. */
const SOURCE = fileURLToPath(new URL("literal.ts", import.meta.url));

const OPTIONS: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2020,
  strict: true,
  skipLibCheck: true,
  noEmit: true,
  types: [],
};
/** The models are the same each time. */
const parsed = new Map<string, ts.SourceFile | undefined>();

function typeErrors(source: string): string[] {
  const host = ts.createCompilerHost(OPTIONS);
  const onDisk = ts.createCompilerHost(OPTIONS);
  host.fileExists = (name) => name === SOURCE || onDisk.fileExists(name);
  host.getSourceFile = (name, language) => {
    if (name === SOURCE) return ts.createSourceFile(name, source, language);
    if (!parsed.has(name)) parsed.set(name, onDisk.getSourceFile(name, language));
    return parsed.get(name);
  };
  return ts
    .getPreEmitDiagnostics(ts.createProgram([SOURCE], OPTIONS, host))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}
