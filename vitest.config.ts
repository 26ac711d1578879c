import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  logLevel: "error",
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/postgres.setup.ts"],
    // Many tests wait for a long poll to end: one file more at once than there are cores keeps these busy.
    maxWorkers: availableParallelism() + 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // It imports JSON as bundlers take it, and Node does not; its source maps lead nowhere, of which Vite warns.
    server: { deps: { inline: ["@actions/workflow-parser"] } },
  },
});
