import { defineConfig } from "vitest/config";

export default defineConfig({
  logLevel: "error",
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/postgres.setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // It imports JSON as bundlers take it, and Node does not; its source maps lead nowhere, of which Vite warns.
    server: { deps: { inline: ["@actions/workflow-parser"] } },
  },
});
