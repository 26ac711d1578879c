// Chooses the account that runs Postgres, and a folder that this account can enter. Postgres refuses to run as root, and
// other accounts cannot read binaries in a home directory of mode 700.
import { chown, readFile, realpath, stat, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname } from "node:path";

/** A user of the system, for `spawn` and `chown`. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The account to run Postgres as; undefined (the current user) unless this is root.
 *
 * @throws Error if this is root and the system has no other user
 */
export async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const account = pickAccount(await readFile("/etc/passwd", "utf8"));
  if (account === undefined) {
    throw new Error(
      "PostgreSQL refuses to run as root, and /etc/passwd has no other user: run this as another user",
    );
  }
  return account;
}

/** From the text of a passwd file: `postgres`, or else `nobody`, or else the first that is not root. */
export function pickAccount(passwd: string): Account | undefined {
  const accounts = new Map<string, Account>();
  for (const line of passwd.split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name === undefined || uid === undefined || gid === undefined) continue;
    if (/^[1-9]\d*$/.test(uid) && /^\d+$/.test(gid))
      accounts.set(name, { uid: Number(uid), gid: Number(gid) });
  }
  return accounts.get("postgres") ?? accounts.get("nobody") ?? accounts.values().next().value;
}

/**
 * The folder for temporary files, as a path without symbolic links, that `account` can enter.
 *
 * @throws Error if there is none
 */
export async function temporaryFolder(account: Account | undefined): Promise<string> {
  const own = await realpath(tmpdir());
  if (account === undefined || (await isOpen(own))) return own;
  for (const other of ["/tmp", "/var/tmp"]) {
    if (await isOpen(other).catch(() => false)) return realpath(other);
  }
  throw new Error(`no other user can enter ${own}: set TMPDIR to a folder that all users can enter`);
}

/** Linux keeps the files of this folder in memory. */
const MEMORY = "/dev/shm";
const NEEDED_BYTES = 2 * 2 ** 30;

/** A folder in memory that all users can enter, with 2 GiB free; undefined if the system has none. */
export async function memoryFolder(): Promise<string | undefined> {
  try {
    const { bavail, bsize } = await statfs(MEMORY);
    return bavail * bsize >= NEEDED_BYTES && (await isOpen(MEMORY)) ? MEMORY : undefined;
  } catch {
    return undefined;
  }
}

/** Makes the account the owner of a file or folder. Does nothing if the account is undefined. */
export async function giveTo(account: Account | undefined, path: string): Promise<void> {
  if (account !== undefined) await chown(path, account.uid, account.gid);
}

/** Whether all users can enter the folder and its parents. */
async function isOpen(folder: string): Promise<boolean> {
  const { mode } = await stat(folder);
  if ((mode & 0o001) === 0) return false;
  const parent = dirname(folder);
  return parent === folder || isOpen(parent);
}
