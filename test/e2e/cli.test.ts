import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTables, runCli, startCli, waitsForLock, withBench } from "../support/bench.ts";
import { variables } from "../support/program.ts";

const it = test.concurrent;

/** Fails every import of what takes long to load. */
const FORBID_HEAVY = `data:text/javascript,${encodeURIComponent(`
  import { register } from "node:module";
  register("data:text/javascript," + encodeURIComponent(
    'export const resolve = (name, context, next) => { if (/^(@aws-sdk|@smithy|postgres$|ora$|prom-client$)/.test(name)) throw new Error("loaded " + name); return next(name, context); }'
  ));
`)}`;

it.for([
  ...["--help", "--version", "help drain", "drain --help", "peek --help", "verify --help", "keygen"],
  ...["completion bash", "completion zsh", "completion fish"],
])("%s works without loading the SDK, the driver or the spinner", async (line) => {
  const { code, stdout, stderr } = await startCli(line.split(" "), {
    NODE_OPTIONS: `--import ${FORBID_HEAVY}`,
  }).outcome;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).not.toBe("");
});

it("the watch for heavy imports catches one", async () => {
  const env = { DATABASE_URL: "postgres://u:p@127.0.0.1:9/d" };
  expect((await startCli(["init"], env).outcome).code).toBe(5);
  const watched = await startCli(["init"], { ...env, NODE_OPTIONS: `--import ${FORBID_HEAVY}` }).outcome;
  expect(watched.code).toBe(1);
});

it.for([
  ["drian", "drain"],
  ["quarantine lst", "list"],
  ["drain --dry-rnu", "--dry-run"],
  ["quarantine replay --app-versoin full", "--app-version"],
])("%s is a mistake of usage that asks: did you mean %s?", async ([line = "", meant = ""]) => {
  const { code, stdout, stderr } = await runCli(line.split(" "), {});
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(`Did you mean ${meant}?`);
});

it("makes a new masking key each time, as a line for .env", async () => {
  const [first, second] = await Promise.all([runCli(["keygen"], {}), runCli(["keygen"], {})]);
  expect(first.stdout).toMatch(/^FETCH_ETL_MASKING_KEY=[A-Za-z0-9+/]{43}=\n$/);
  expect(first.stdout).not.toBe(second.stdout);
});

it("reads .env in the working folder; the environment wins over it, and a flag over both", () =>
  withBench(async (bench) => {
    const folder = await mkdtemp(join(tmpdir(), "fetch-etl-dotenv-"));
    try {
      const key = (await runCli(["keygen"], {})).stdout;
      const lines = { ...bench.env, FETCH_ETL_MASKING_KEY: undefined, FETCH_ETL_QUEUE: "from-dotenv" };
      const text = Object.entries(lines).flatMap(([name, value]) =>
        value === undefined ? [] : [`${name}=${value}`],
      );
      await writeFile(join(folder, ".env"), `${text.join("\n")}\n${key}`);
      const asked = async (args: string[], env: Record<string, string>): Promise<string> =>
        (await startCli(["peek", ...args], env, folder).outcome).stderr;
      expect(await asked([], {})).toContain('"from-dotenv"');
      expect(await asked([], { FETCH_ETL_QUEUE: "from-environment" })).toContain('"from-environment"');
      expect(await asked(["--queue", "from-flag"], { FETCH_ETL_QUEUE: "from-environment" })).toContain(
        '"from-flag"',
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  }));

it("does not mind a reader that goes away", () =>
  withBench(async (bench) => {
    await bench.send(Array.from({ length: 50 }, () => "{}"));
    const { child, outcome } = bench.start(["peek", "--count", "50", "--json"]);
    child.stdout?.destroy();
    child.stderr?.destroy();
    expect((await outcome).code).toBe(0);
    expect(await bench.contents()).toEqual({ ready: 50, inflight: 0, delayed: 0 });
  }));

it("puts the key on a line of its own, also where .env does not end with one, and refuses a second key", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fetch-etl-keygen-"));
  try {
    await writeFile(join(folder, ".env"), "DATABASE_URL=postgres://localhost/logins");
    const first = await startCli(["keygen"], {}, folder).outcome;
    expect(first.stdout).toMatch(/^\nFETCH_ETL_MASKING_KEY=\S+\n$/);
    await appendFile(join(folder, ".env"), first.stdout);
    const second = await startCli(["keygen"], {}, folder).outcome;
    expect(second).toMatchObject({ code: 2, stdout: "" });
    expect(second.stderr).toContain("--force");
    expect((await startCli(["keygen", "--force"], {}, folder).outcome).code).toBe(0);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it("never shows a name that may be something else, such as a key that ended up on the line of the database", () =>
  withBench(async (bench) => {
    const url = `${bench.databaseUrl}FETCH_ETL_MASKING_KEY=${bench.env["FETCH_ETL_MASKING_KEY"] ?? ""}`;
    const { code, stderr } = await bench.run(["verify"], { DATABASE_URL: url });
    expect(code).toBe(2);
    expect(stderr).toContain("no database (not shown)");
    expect(stderr).not.toContain(bench.env["FETCH_ETL_MASKING_KEY"]);
  }));

it("takes an empty variable for none in .env too", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fetch-etl-empty-"));
  try {
    await writeFile(join(folder, ".env"), variables.map((name) => `${name}=\n`).join(""));
    const { code, stderr } = await startCli(["keygen"], {}, folder).outcome;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  } finally {
    await rm(folder, { recursive: true });
  }
});

it.for<string[]>([[], ["--log-format", "json"]])(
  "does not repeat what was given to a mistyped flag, which may be a secret (%j)",
  async (format) => {
    const { code, stdout, stderr } = await startCli(["drain", ...format, "--masking-key=a'SECRET\nb'"], {})
      .outcome;
    expect(code).toBe(2);
    expect(stderr).toContain("unknown option '--masking-key'");
    expect(stdout + stderr).not.toContain("SECRET");
  },
);

it.for(["SIGINT", "SIGTERM"] as const)("a command that has nothing to leave clean ends at %s", (signal) =>
  withBench(async (bench) => {
    await makeTables(bench);
    await bench.sql.begin(async (tx) => {
      await tx`lock table public.user_logins in access exclusive mode`;
      const { child, outcome } = bench.start(["verify"]);
      await waitsForLock(bench);
      child.kill(signal);
      expect((await outcome).code).toBe(signal === "SIGINT" ? 130 : 143);
    });
  }),
);

it("takes an empty variable for none, so that .env counts and the region's absence is told", () =>
  withBench(async (bench) => {
    const folder = await mkdtemp(join(tmpdir(), "fetch-etl-empty-"));
    try {
      await writeFile(join(folder, ".env"), `DATABASE_URL=${bench.databaseUrl}\n`);
      const empty = await startCli(["drain", "--quiet"], { ...bench.env, DATABASE_URL: "" }, folder).outcome;
      expect(empty).toEqual({ code: 0, stdout: "", stderr: "" });
      const region = await bench.run(["drain"], { AWS_REGION: "" });
      expect(region.code).toBe(2);
      expect(region.stderr).toContain("AWS_REGION");
    } finally {
      await rm(folder, { recursive: true });
    }
  }));

it("shows no secret to a program that the AWS SDK starts for credentials", () =>
  withBench(async (bench) => {
    const folder = await mkdtemp(join(tmpdir(), "fetch-etl-profile-"));
    try {
      const seen = join(folder, "seen");
      const answer = JSON.stringify({ Version: 1, AccessKeyId: "test", SecretAccessKey: "test" });
      const helper = join(folder, "helper.sh");
      await writeFile(helper, `#!/bin/sh\nenv > '${seen}'\necho '${answer}'\n`, { mode: 0o755 });
      await writeFile(join(folder, "config"), `[profile helped]\ncredential_process = ${helper}\n`);
      const { code } = await bench.run(["drain", "--quiet"], {
        AWS_ACCESS_KEY_ID: undefined,
        AWS_SECRET_ACCESS_KEY: undefined,
        AWS_PROFILE: "helped",
        AWS_CONFIG_FILE: join(folder, "config"),
      });
      expect(code).toBe(0);
      const environment = await readFile(seen, "utf8");
      expect(environment).toContain("AWS_PROFILE=helped");
      expect(environment).not.toMatch(/FETCH_ETL_MASKING_KEY|DATABASE_URL/);
    } finally {
      await rm(folder, { recursive: true });
    }
  }));
