// What a user's `npm install` of fetch-etl installs, by package-lock.json.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Installed {
  readonly name: string;
  /** In `node_modules/`, relative to the repository. */
  readonly path: string;
}

/** The dependencies, and theirs, without fetch-etl itself and without optional peer dependencies. */
export function installedPackages(): readonly Installed[] {
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, Locked>>;
  };
  /** As Node does: the nearest place first. */
  const resolve = (from: string, name: string): string => {
    const path = `${from === "" ? "" : `${from}/`}node_modules/${name}`;
    if (path in packages || from === "") return path;
    return resolve(from.slice(0, Math.max(0, from.lastIndexOf("node_modules/") - 1)), name);
  };
  const found = new Map<string, Installed>();
  const follow = (from: string): void => {
    const { dependencies, optionalDependencies } = packages[from] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const path = resolve(from, name);
      if (found.has(path)) continue;
      found.set(path, { name, path });
      follow(path);
    }
  };
  follow("");
  return [...found.values()];
}

const BLOCK = 4_096;

/** The space that a folder's files take on a disk with blocks of 4 KiB, in bytes; without `node_modules` in it. */
export function diskSpace(path: string): number {
  return readdirSync(path, { withFileTypes: true })
    .filter(({ name }) => name !== "node_modules")
    .map((entry) =>
      entry.isDirectory()
        ? diskSpace(join(path, entry.name))
        : Math.ceil(statSync(join(path, entry.name)).size / BLOCK) * BLOCK,
    )
    .reduce((sum, size) => sum + size, BLOCK);
}
