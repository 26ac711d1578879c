// One at a time among processes that read a file, change it and replace it: a lock file beside it, made with O_EXCL.
import { realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";

/**
 * A lock is held for milliseconds. One that is as old as this, milliseconds, was left by a process that was killed. Its process id would
 * tell sooner, and wrongly: two containers that share a folder do not know each other's.
 */
const STALE_MS = 10_000;
/** Longest time to wait, milliseconds; then the work is done all the same. */
const PATIENCE_MS = 30_000;
const POLL_MS = 20;

/**
 * Does some work while nobody else does any on the same file. The lock is `.<name>.lock` in the file's folder. What is no file, such as a
 * device, is not locked, nor is a file in a folder that cannot be written to.
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

/** @returns false where there can be no lock, or others have held it for too long */
async function acquire(lock: string): Promise<boolean> {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    try {
      await writeFile(lock, `${process.pid}\n`, { flag: "wx" });
      return true;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) return false;
    }
    if (!(await takeAwayStale(lock))) await setTimeout(POLL_MS * (0.5 + Math.random()));
  }
  return false;
}

/** Moves it away first: of several who find it stale, each has to see that it was that one which it took. */
async function takeAwayStale(lock: string): Promise<boolean> {
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
