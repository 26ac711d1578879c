import { availableParallelism } from "node:os";
import { configDefaults, defineConfig } from "vitest/config";

/** The folders whose tests need no server: nothing there may start one, or a process. */
const UNIT = [
  "test/{cli,config,doctor,mapping,masking,quarantine,recovery}/**/*.test.ts",
  "test/drain/*.test.ts",
  "test/simulation/!(conformance-*).test.ts",
];

/** Tests that change what all files of a process share, such as its environment. */
const ALONE = [
  "test/{aws,sqs}/*.test.ts",
  "test/chaos/hostile-text.test.ts",
  "test/write-file.test.ts",
  "test/simulation/conformance-sqs.test.ts",
];

/** The long chaos tests take minutes each. */
const LIMIT_MS = process.env["CHAOS"] === "full" ? 30 * 60_000 : 60_000;

export default defineConfig({
  logLevel: "error",
  test: {
    // Many tests wait for a long poll to end: more files at once than there are cores keep these busy.
    maxWorkers: availableParallelism() + 2,
    testTimeout: LIMIT_MS,
    hookTimeout: LIMIT_MS,
    // It imports JSON as bundlers take it, and Node does not; its source maps lead nowhere, of which Vite warns.
    server: { deps: { inline: ["@actions/workflow-parser"] } },
    projects: [
      // Its files share a worker's modules: loading them takes longer than most of these files do.
      { extends: true, test: { name: "unit", include: UNIT, isolate: false } },
      {
        extends: true,
        test: {
          name: "servers",
          include: ["test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...UNIT, ...ALONE],
          globalSetup: ["test/support/postgres.setup.ts"],
          isolate: false,
        },
      },
      { extends: true, test: { name: "alone", include: ALONE } },
    ],
  },
});
