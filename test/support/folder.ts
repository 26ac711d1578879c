// A folder of a test's own.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes a folder, hands its path to `use`, and takes it away. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "fetch-etl-folder-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
