import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startWatchdog } from "../../sandbox/watchdog.ts";

test("a watchdog deletes each of its folders at its end", async () => {
  const folders = await Promise.all([1, 2].map(() => mkdtemp(join(tmpdir(), "fetch-etl-test-"))));
  await startWatchdog(folders).dispose();
  for (const folder of folders) await expect(readdir(folder)).rejects.toMatchObject({ code: "ENOENT" });
});
