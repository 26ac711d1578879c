// A lock file, created with O_EXCL, for processes that read, change and replace the same file.
import { realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { systemCode } from "./failure.ts";

/**
 * Age at which a lock counts as left by a killed process, milliseconds; locks are normally held for a few milliseconds. A check of the
 * process id would be faster but wrong: two containers that share a directory do not see each other's processes.
 */
const STALE_MS = 10_000;
/** How long to wait for the lock, milliseconds. After that, the work runs without it. */
const MAX_WAIT_MS = 30_000;
const POLL_MS = 20;

/**
 * Runs `action` while holding the lock `.<name>.lock` in the file's directory. Devices are not locked, and neither are files in a
 * directory that is not writable.
 *
 * @throws what `action` throws
 */
export async function withFileLock<T>(path: string, action: () => Promise<T>): Promise<T> {
  const lock = await lockOf(path);
  const isHeld = lock !== undefined && (await acquire(lock));
  try {
    return await action();
  } finally {
    if (isHeld) await rm(lock, { force: true });
  }
}

async function lockOf(path: string): Promise<string | undefined> {
  const present = await stat(path).catch(() => undefined);
  if (present?.isFile() === false) return undefined;
  const target = present === undefined ? path : await realpath(path);
  return join(dirname(target), `.${basename(target)}.lock`);
}

/** @returns false if the lock cannot be created, or others held it for too long */
async function acquire(lock: string): Promise<boolean> {
  const until = performance.now() + MAX_WAIT_MS;
  while (performance.now() < until) {
    try {
      await writeFile(lock, `${process.pid}\n`, { flag: "wx" });
      return true;
    } catch (error) {
      if (systemCode(error) !== "EEXIST") return false;
    }
    if (!(await removeStale(lock))) await setTimeout(POLL_MS * (0.5 + Math.random()));
  }
  return false;
}

/** Renames the lock first: if several processes find it stale, each must check that it took the stale one and not a new one. */
async function removeStale(lock: string): Promise<boolean> {
  const found = await stat(lock).catch(() => undefined);
  if (found === undefined) return true;
  if (Date.now() - found.mtimeMs < STALE_MS) return false;
  const aside = `${lock}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    await rename(lock, aside);
  } catch {
    return true;
  }
  const taken = await stat(aside);
  if (taken.mtimeMs === found.mtimeMs && taken.ino === found.ino) await rm(aside, { force: true });
  else await rename(aside, lock);
  return true;
}
