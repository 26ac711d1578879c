import { execFileSync } from "node:child_process";
import promises, {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { checkWritable, writeWhole } from "../src/write-file.ts";

/** The code of the reason why a file cannot be put there; undefined where it can. */
function codeOf(path: string): unknown {
  try {
    checkWritable(path);
    return undefined;
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error;
  }
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "fetch-etl-atomic-")));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

it("makes a file with the mode that any new file has here, and leaves nothing beside it", () =>
  inFolder(async (folder) => {
    await writeFile(join(folder, "usual"), "");
    await writeWhole(join(folder, "page.html"), "käse");
    expect(await readFile(join(folder, "page.html"), "utf8")).toBe("käse");
    const { mode } = await stat(join(folder, "usual"));
    expect((await stat(join(folder, "page.html"))).mode).toBe(mode);
    expect(await readdir(folder)).toEqual(["page.html", "usual"]);
  }));

it("replaces a file whole: who has the old one open keeps it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "page.html");
    await writeFile(path, "a long text that was there before");
    // A second name for the old file, as an open descriptor is one.
    await link(path, join(folder, "old"));
    await writeWhole(path, "new");
    expect(await readFile(path, "utf8")).toBe("new");
    expect(await readFile(join(folder, "old"), "utf8")).toBe("a long text that was there before");
  }));

it("keeps a symbolic link and replaces what it leads to", () =>
  inFolder(async (folder) => {
    await mkdir(join(folder, "elsewhere"));
    await writeFile(join(folder, "elsewhere", "real.html"), "old");
    await symlink(join("elsewhere", "real.html"), join(folder, "page.html"));
    await writeWhole(join(folder, "page.html"), "new");
    expect((await lstat(join(folder, "page.html"))).isSymbolicLink()).toBe(true);
    expect(await readFile(join(folder, "elsewhere", "real.html"), "utf8")).toBe("new");
    expect(await readdir(join(folder, "elsewhere"))).toEqual(["real.html"]);
  }));

it("leaves the old file and no temporary one where the rename fails", () =>
  inFolder(async (folder) => {
    const path = join(folder, "page.html");
    await writeFile(path, "old");
    const during: string[] = [];
    // A rename that fails is hard to bring about, the more so for root.
    const rename = vi.spyOn(promises, "rename").mockImplementation(async () => {
      during.push(...(await readdir(folder)));
      throw new Error("no rename here");
    });
    syncBuiltinESMExports();
    try {
      await expect(writeWhole(path, "new")).rejects.toThrow("no rename here");
    } finally {
      rename.mockRestore();
      syncBuiltinESMExports();
    }
    expect(during).toEqual([expect.stringMatching(/^\.page\.html\.\d+\.[0-9a-f]{8}\.tmp$/), "page.html"]);
    expect(await readdir(folder)).toEqual(["page.html"]);
    expect(await readFile(path, "utf8")).toBe("old");
  }));

it.each([
  ["a folder that is not there", join("missing", "page.html"), "ENOENT"],
  ["a file in place of a folder", join("file", "page.html"), "ENOTDIR"],
  ["a folder in place of a file", "folder", "EISDIR"],
])("refuses %s with the system's error", (_what, path, code) =>
  inFolder(async (folder) => {
    await writeFile(join(folder, "file"), "");
    await mkdir(join(folder, "folder"));
    await expect(writeWhole(join(folder, path), "new")).rejects.toMatchObject({ code });
    expect(await readdir(folder)).toEqual(["file", "folder"]);
  }),
);

it("writes to a device as it is", async () => {
  const { rdev } = await stat("/dev/null");
  await writeWhole("/dev/null", "new");
  expect(await stat("/dev/null")).toMatchObject({ rdev });
});

it.each([
  ["there", undefined],
  ["link", undefined],
  ["new", undefined],
  [".", "EISDIR"],
  ["new/", "EISDIR"],
  ["nowhere/new", "ENOENT"],
  ["there/new", "ENOTDIR"],
  ["circle", "ELOOP"],
  ["circle/new", "ELOOP"],
])("can tell beforehand whether and why %s cannot be written: %s", (name, code) =>
  inFolder(async (folder) => {
    await writeFile(join(folder, "there"), "");
    await symlink(join(folder, "there"), join(folder, "link"));
    await symlink("circle", join(folder, "circle"));
    expect(codeOf(join(folder, name))).toBe(code);
  }),
);

// root may write everywhere.
it.skipIf(process.getuid?.() === 0)(
  "can tell beforehand that a folder may not be written to, or not be entered",
  () =>
    inFolder(async (folder) => {
      for (const mode of [0o555, 0o666]) {
        await chmod(folder, mode);
        expect(codeOf(join(folder, "new"))).toBe("EACCES");
      }
      await chmod(folder, 0o755);
      expect(codeOf(join(folder, "new"))).toBeUndefined();
    }),
);

it("keeps the mode of what it replaces, whatever the umask", () =>
  inFolder(async (folder) => {
    for (const mode of [0o600, 0o666]) {
      const path = join(folder, `mode-${mode}`);
      await writeFile(path, "old");
      await chmod(path, mode);
      await writeWhole(path, "new");
      expect((await stat(path)).mode & 0o777).toBe(mode);
    }
  }));

// Windows has neither.
it.skipIf(process.platform === "win32")(
  "refuses beforehand what would hang, or take away what is open already",
  () =>
    inFolder(async (folder) => {
      const pipe = join(folder, "pipe");
      execFileSync("mkfifo", [pipe]);
      const file = await open(join(folder, "open"), "w");
      const told = [pipe, `/dev/fd/${file.fd}`, "/dev/null"].map(codeOf);
      await file.close();
      expect(told).toEqual(["ENOTSUP", "ENOTSUP", undefined]);
    }),
);
