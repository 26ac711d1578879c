import { readdir, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { withFileLock } from "../src/file-lock.ts";
import { withFolder } from "./support/folder.ts";

it("takes over a lock that a killed process left, by one of those who wait for it", () =>
  withFolder(async (folder) => {
    const lock = join(folder, ".run.prom.lock");
    await writeFile(lock, "1\n");
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(lock, longAgo, longAgo);
    let [inside, most] = [0, 0];
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 5 }, () => withFileLock(join(folder, "run.prom"), work)));
    expect([most, inside]).toEqual([1, 0]);
    expect(await readdir(folder)).toEqual([]);
  }));

it("locks the file that a link leads to, so that both names have one lock", () =>
  withFolder(async (folder) => {
    await writeFile(join(folder, "real.prom"), "");
    await symlink(join(folder, "real.prom"), join(folder, "link.prom"));
    await withFileLock(join(folder, "link.prom"), async () => {
      expect(await readdir(folder)).toContain(".real.prom.lock");
    });
  }));

it("is gone after work that fails", () =>
  withFolder(async (folder) => {
    const failing = withFileLock(join(folder, "run.prom"), () => Promise.reject(new Error("full")));
    await expect(failing).rejects.toThrow("full");
    expect(await readdir(folder)).toEqual([]);
  }));

it("does the work without a lock where there can be none", async () => {
  expect(await withFileLock("/dev/null", () => Promise.resolve("done"))).toBe("done");
  expect(await withFileLock("/no/such/folder/run.prom", () => Promise.resolve("done"))).toBe("done");
});
