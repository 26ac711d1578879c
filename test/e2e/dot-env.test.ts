// `.env` and the user as a container may have them: a pipe, a file or a folder that cannot be read, no home folder.
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { startCli } from "../support/bench.ts";

const it = test.concurrent;
const KEY = Buffer.alloc(32, 7).toString("base64");
const isRoot = process.getuid?.() === 0;

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "fetch-etl-dotenv-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Resolves when a reader has opened the pipe. */
async function openPipe(path: string): Promise<number> {
  for (;;) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch {
      // ENXIO: nobody reads it so far.
      await setTimeout(5);
    }
  }
}

it.for<string[]>([["--dotenv", "live.env"], []])(
  "the file that is named is read in place of .env, and must exist (%j)",
  (flag) =>
    withFolder(async (folder) => {
      await writeFile(join(folder, ".env"), "FETCH_ETL_QUEUE=staging\n");
      const env = flag.length === 0 ? { FETCH_ETL_DOTENV: "live.env" } : {};
      const missing = await startCli(["doctor", "--json", ...flag], env, folder).outcome;
      expect(missing).toMatchObject({ code: 2, stdout: "" });
      expect(missing.stderr).toBe(
        "error: --dotenv / FETCH_ETL_DOTENV: the file live.env does not exist (ENOENT).\n",
      );
      await writeFile(join(folder, "live.env"), `\nFETCH_ETL_QUEUE=live\nFETCH_ETL_MASKING_KEY=${KEY}\n`);
      const found = await startCli(["doctor", "--json", ...flag], env, folder).outcome;
      const { settings } = JSON.parse(found.stdout) as { settings: { name: string }[] };
      const of = (name: string): unknown => settings.find((each) => each.name === name);
      expect(of("--queue")).toMatchObject({
        value: "live",
        source: "live.env line 2",
        default: "login-queue",
      });
      expect(of("FETCH_ETL_MASKING_KEY")).toMatchObject({
        set: true,
        value: null,
        source: "live.env line 3",
      });
      expect(found.stdout).not.toContain(KEY);
    }),
);

it.for(["doctor", "keygen", "drain"])("%s reads a .env that is a pipe, once", (command) =>
  withFolder(async (folder) => {
    const path = join(folder, ".env");
    execFileSync("mkfifo", [path]);
    const { outcome } = startCli([command], {}, folder);
    const descriptor = await openPipe(path);
    writeSync(descriptor, `FETCH_ETL_MASKING_KEY=${KEY}\nPGPORT=none\nPGHOST=h\nFETCH_ETL_QUEUE=a b\n`);
    closeSync(descriptor);
    const { code, stdout, stderr } = await outcome;
    expect(code).toBe(2);
    // It knows the key, or the settings that are wrong.
    expect(stdout + stderr).toContain(command === "keygen" ? "--force" : "FETCH_ETL_QUEUE");
  }),
);

it("SIGTERM ends a command that waits for a pipe", () =>
  withFolder(async (folder) => {
    const path = join(folder, ".env");
    execFileSync("mkfifo", [path]);
    const { child, outcome } = startCli(["doctor"], {}, folder);
    const descriptor = await openPipe(path);
    child.kill("SIGTERM");
    await outcome;
    closeSync(descriptor);
    expect(child.signalCode ?? child.exitCode).toBe("SIGTERM");
  }));

it.for<[string, (path: string) => Promise<void>, string]>([
  ["a folder", (path) => mkdir(path), "is a folder"],
  [
    "a link that leads nowhere",
    (path) => symlink("gone", path),
    "is a symbolic link to a file that does not",
  ],
  ["UTF-16", (path) => writeFile(path, "\uFEFFFETCH_ETL_QUEUE=q\r\n", "utf16le"), "is not UTF-8 text"],
])("a .env that is %s: exit 2, told once", ([, make, why]) =>
  withFolder(async (folder) => {
    await make(join(folder, ".env"));
    for (const command of ["doctor", "keygen"]) {
      const { code, stdout, stderr } = await startCli([command], {}, folder).outcome;
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(/^error: The file \.env in the working directory [^\n]+\.\n$/);
      expect(stderr).toContain(why);
    }
  }),
);

it("a .env that is a link to a file is read", () =>
  withFolder(async (folder) => {
    await writeFile(join(folder, "settings"), `\uFEFFFETCH_ETL_MASKING_KEY=${KEY}\r\n`);
    await symlink("settings", join(folder, ".env"));
    const { code, stdout } = await startCli(["mask", "--field", "ip", "192.0.2.7"], {}, folder).outcome;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^h1\.\S{8}\.\S{43}\n$/);
  }));

// Root may read everything.
test.skipIf(isRoot)("a .env that this user may not read: exit 2", () =>
  withFolder(async (folder) => {
    const path = join(folder, ".env");
    await writeFile(path, "");
    await chmod(path, 0);
    const { code, stderr } = await startCli(["keygen"], {}, folder).outcome;
    expect(code).toBe(2);
    expect(stderr).toContain("(EACCES)");
  }),
);

/** Stands in for a user id that is not in the list of users: Node asks that list where HOME is not set. */
const NO_HOME = `data:text/javascript,${encodeURIComponent(`
  import os from "node:os";
  import { syncBuiltinESMExports } from "node:module";
  os.homedir = () => {
    if (process.env.HOME) return process.env.HOME;
    throw Object.assign(new Error("uv_os_homedir returned ENOENT"), { name: "SystemError" });
  };
  syncBuiltinESMExports();
`)}`;

it.for(["drain --dry-run", "doctor", "peek --raw", "keygen"])(
  "%s works for a user without a home folder",
  async (line) => {
    const { code, stdout, stderr } = await startCli(line.split(" "), {
      NODE_OPTIONS: `--import ${NO_HOME}`,
      AWS_CONFIG_FILE: undefined,
      AWS_SHARED_CREDENTIALS_FILE: undefined,
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_REGION: "us-east-1",
      FETCH_ETL_MASKING_KEY: KEY,
      DATABASE_URL: "postgres://u@127.0.0.1:1/d",
    }).outcome;
    expect(code).toBe(line === "keygen" ? 0 : 2);
    expect(stderr).not.toMatch(/SystemError|Unexpected/);
    if (line !== "keygen") expect(stdout + stderr).toContain("No usable AWS credentials");
  },
);
