// What GitHub runs, by GitHub's own parser; and that it runs what there is here.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from "@actions/workflow-parser";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { withFolder } from "../support/folder.ts";

const ROOT = new URL("../../", import.meta.url);
const FOLDER = ".github/workflows";

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

interface Step {
  readonly id?: string;
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
}
interface Job {
  readonly uses?: string;
  readonly needs?: string | readonly string[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly "timeout-minutes"?: number;
  readonly strategy?: { readonly matrix: { readonly node: readonly number[] } };
  readonly steps?: readonly Step[];
}
interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly concurrency: { readonly group: string };
  readonly jobs: Readonly<Record<string, Job>>;
}
interface Package {
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const { version, engines, scripts, dependencies, devDependencies } = JSON.parse(
  read("package.json"),
) as Package;
const names = readdirSync(new URL(FOLDER, ROOT));
const workflows = Object.fromEntries(
  names.map((name) => [name, parse(read(`${FOLDER}/${name}`)) as Workflow]),
);
const { "ci.yml": ci, "release.yml": release } = workflows;

const LICENSES = "dist/bundle/THIRD-PARTY-LICENSES.md";
/** The packages in the bundle. */
const bundled = [...read(LICENSES).matchAll(/^## (\S+)/gm)].map(([, name = ""]) => name);

const hasBash = existsSync("/bin/bash");
const noBash = hasBash ? "" : " (skipped: no bash)";

/** GitHub's complaints. */
async function complaints(content: string): Promise<string[]> {
  const { context, value } = parseWorkflow({ name: "workflow.yml", content }, new NoOperationTraceWriter());
  if (value !== undefined) await convertWorkflowTemplate(context, value);
  return context.errors.getErrors().map(({ message }) => message);
}

describe.each(names)("%s", (name) => {
  const jobs = Object.values(workflows[name]?.jobs ?? {});
  const steps = jobs.flatMap(({ steps = [] }) => steps);

  it("is a workflow, as GitHub reads it", async () => {
    const content = read(`${FOLDER}/${name}`);
    expect(await complaints(content)).toEqual([]);
    expect(await complaints(content.replace("runs-on:", "run-on:"))).not.toEqual([]);
    expect(await complaints(content.replace("contents: read", "contents: reed"))).not.toEqual([]);
  });

  it("gives no right to write but to the job that needs it, and runs no two at once for the same thing", () => {
    expect(Object.values(workflows[name]?.permissions ?? { all: "write" })).not.toContain("write");
    expect(workflows[name]?.concurrency.group).toBeDefined();
  });

  it("ends each job that hangs", () => {
    for (const job of jobs) if (job.uses === undefined) expect(job["timeout-minutes"]).toBeLessThan(60);
  });

  it("uses GitHub's own actions, by major version", () => {
    for (const { uses } of steps) if (uses !== undefined) expect(uses).toMatch(/^actions\/[a-z-]+@v\d+$/);
  });

  it("runs scripts that are there", () => {
    const run = steps.map((step) => step.run ?? "").join("\n");
    const files = [...run.matchAll(/^bash (\S+)/gm)].map(([, file = ""]) => file);
    for (const file of files) expect(existsSync(new URL(file, ROOT)), file).toBe(true);
    const commands = [run, ...files.map(read)].join("\n");
    const used = [...commands.matchAll(/\bnpm (?:run )?(test|(?<=run )[\w:-]+)/g)].map(
      ([, script]) => script,
    );
    for (const script of used) expect(Object.keys(scripts)).toContain(script);
  });
});

describe("CI", () => {
  it("checks what package.json promises: the oldest Node too", () => {
    const oldest = Number(/\d+/.exec(engines.node)?.[0]);
    expect(Math.min(...(ci?.jobs["check"]?.strategy?.matrix.node ?? []))).toBe(oldest);
  });

  it("runs the checks that run elsewhere", () => {
    expect(ci?.jobs["check"]?.steps?.at(-1)?.run).toBe("bash .ci/run");
    for (const script of ["typecheck", "lint", "format:check"]) {
      expect(read(".ci/run")).toContain(`npm run ${script}\n`);
    }
    expect(read(".ci/run")).toContain("npm test\n");
  });
});

describe("a release", () => {
  const rights = Object.entries(release?.jobs ?? {}).flatMap(([job, { permissions = {} }]) =>
    Object.entries(permissions).flatMap(([right, level]) => (level === "write" ? [`${job}: ${right}`] : [])),
  );

  it("is published with its provenance after all checks, by a job that installs nothing", () => {
    const publish = release?.jobs["publish"];
    expect(publish?.needs).toEqual(["check", "pack"]);
    expect(release?.jobs["check"]?.uses).toBe(`./${FOLDER}/ci.yml`);
    expect(publish?.steps?.flatMap(({ run = [] }) => run)).toEqual([
      "npm publish ./*.tgz --provenance --access public",
    ]);
    expect(rights).toEqual([
      "publish: id-token",
      ...["attestations", "id-token", "packages"].map((right) => `publish-image: ${right}`),
      "release: contents",
    ]);
  });

  it("signs the image that it pushes, with its bill of materials, after all checks, by a job that builds nothing", () => {
    const { "build-image": build, "publish-image": publish } = release?.jobs ?? {};
    expect(publish?.needs).toEqual(["check", "pack", "build-image"]);
    const commands = build?.steps?.flatMap(({ run = [] }) => run).join("\n") ?? "";
    for (const flag of ["--provenance mode=max", "--sbom true", "--output type=oci,dest=image.tar"])
      expect(commands).toContain(flag);
    const [download, push, sign] = publish?.steps ?? [];
    expect(download?.uses).toMatch(/^actions\/download-artifact@/);
    expect(push?.run).toContain("oci-archive:image.tar");
    expect(sign).toMatchObject({
      uses: expect.stringMatching(/^actions\/attest-build-provenance@/) as string,
      with: {
        "subject-name": `\${{ steps.${push?.id}.outputs.name }}`,
        "subject-digest": `\${{ steps.${push?.id}.outputs.digest }}`,
        "push-to-registry": true,
      },
    });
    for (const output of ["name", "digest"])
      expect(push?.run).toMatch(new RegExp(`"${output}=.*GITHUB_OUTPUT`));
  });

  it.skipIf(!hasBash)(
    `tells of every package that it is made of, those in the bundle included${noBash}`,
    async () => {
      const commands = release?.jobs["pack"]?.steps?.flatMap(({ run = [] }) => run) ?? [];
      const [pack, addBundled = "", ...others] = commands.slice(-4);
      expect([pack, ...others]).toEqual([
        "npm pack",
        "npm pkg delete devDependencies && npm prune --ignore-scripts",
        "npm sbom --sbom-format cyclonedx > fetch-etl.cdx.json",
      ]);
      await withFolder(async (folder) => {
        await mkdir(join(folder, "dist/bundle"), { recursive: true });
        for (const file of ["package.json", "package-lock.json", LICENSES])
          await copyFile(new URL(file, ROOT), join(folder, file));
        execFileSync("/bin/bash", ["-e", "-c", addBundled], { cwd: folder });
        const npm = (...args: string[]): string =>
          execFileSync("npm", args, { cwd: folder, encoding: "utf8" });
        npm("pkg", "delete", "devDependencies");
        npm("prune", "--ignore-scripts", "--package-lock-only", "--offline");
        const sbom = JSON.parse(npm("sbom", "--package-lock-only", "--sbom-format", "cyclonedx")) as {
          components: readonly { name: string; group?: string }[];
        };
        const listed = sbom.components.map(({ group, name }) =>
          group === undefined ? name : `${group}/${name}`,
        );
        expect(listed).toEqual(expect.arrayContaining([...Object.keys(dependencies), ...bundled]));
        for (const name of ["vitest", "rolldown"]) expect(listed).not.toContain(name);
      });
    },
  );

  it.skipIf(!hasBash)(`is refused where tag and package.json disagree${noBash}`, () => {
    const compare = release?.jobs["pack"]?.steps?.find(
      ({ name }) => name?.startsWith("Compare") === true,
    )?.run;
    const passes = (tag: string): boolean => {
      try {
        execFileSync("/bin/bash", ["-e", "-c", compare ?? "true"], {
          cwd: fileURLToPath(ROOT),
          env: { ...process.env, GITHUB_REF_NAME: tag },
        });
        return true;
      } catch {
        return false;
      }
    };
    expect([`v${version}`, `v${version}1`, version, "v"].map(passes)).toEqual([true, false, false, false]);
  });
});

describe("Dependabot", () => {
  interface Dependabot {
    readonly version: number;
    readonly updates: readonly {
      readonly "package-ecosystem": string;
      readonly directory: string;
      readonly schedule: { readonly interval: string };
      readonly groups?: Readonly<
        Record<string, { readonly patterns?: readonly string[]; readonly "update-types"?: readonly string[] }>
      >;
    }[];
  }
  const dependabot = parse(read(".github/dependabot.yml")) as Dependabot;

  it("looks after packages and actions every week, in groups", () => {
    expect(dependabot.version).toBe(2);
    expect(
      dependabot.updates.map((update) => [
        update["package-ecosystem"],
        update.schedule.interval,
        Object.keys(update.groups ?? {}),
      ]),
    ).toEqual([
      ["npm", "weekly", ["aws-sdk", "runtime", "bundled", "development"]],
      ["docker", "weekly", []],
      ["github-actions", "weekly", ["actions"]],
    ]);
  });

  it("hands in a new major version by itself, so that it keeps no others back", () => {
    const { runtime, bundled: ofBundle, development } = dependabot.updates[0]?.groups ?? {};
    for (const group of [runtime, ofBundle, development])
      expect(group?.["update-types"]).toEqual(["minor", "patch"]);
  });

  it("hands in the packages of the bundle apart from those that no user gets", () => {
    const inBundle = Object.keys(devDependencies).filter((name) => bundled.includes(name));
    expect(dependabot.updates[0]?.groups?.["bundled"]?.patterns).toEqual(inBundle);
  });

  it("has no group for packages that are not used", () => {
    const [pattern = ""] = dependabot.updates[0]?.groups?.["aws-sdk"]?.patterns ?? [];
    const matching = Object.keys(dependencies).filter((name) => name.startsWith(pattern.replace("*", "")));
    expect(matching.length).toBeGreaterThan(1);
  });
});
