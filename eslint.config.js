import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

/** Forbids imports, so that the arrows of the architecture run one way: bin → main → cli → drainer → login, masking. */
const forbid = (files, group, message, ignores = []) => ({
  files,
  ignores,
  rules: { "no-restricted-imports": ["error", { patterns: [{ group, message }] }] },
});

export default defineConfig(
  { ignores: ["dist", "coverage", ".cache"] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    files: ["**/*.js"],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { process: "readonly" } },
  },
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ["eslint.config.js", "bin/*.js"] } },
    },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/consistent-type-imports": "error",
    },
  },
  // vitest's asymmetric matchers are typed as any.
  { files: ["test/**"], rules: { "@typescript-eslint/no-unsafe-assignment": "off" } },
  forbid(
    ["src/login/**", "src/masking/**"],
    ["**/config/**", "**/cli/**", "**/drainer/**", "**/loader/**", "node:*", "!node:crypto"],
    "login and masking are pure",
  ),
  forbid(
    ["src/checks/**"],
    ["**/config/**", "**/cli/**", "**/drainer/**", "**/loader/**", "node:*"],
    "a check is what others found",
  ),
  forbid(
    ["src/drainer/**"],
    ["**/cli/**", "**/loader/**", "postgres", "@aws-sdk/*", "@smithy/*"],
    "the drainer knows SQS and Postgres as ports only",
    ["src/drainer/sqs/**"],
  ),
  forbid(
    ["src/drainer/sqs/**"],
    ["**/cli/**", "**/loader/**", "postgres"],
    "sqs/ is an adapter of the drainer",
  ),
  forbid(
    ["src/loader/**", "src/config/**"],
    ["**/cli/**", "**/drainer/sqs/**", "@aws-sdk/*"],
    "the loader knows nothing of the command line or of SQS",
  ),
  forbid(
    ["src/cli/**"],
    ["**/drainer/sqs/**", "postgres", "@aws-sdk/*", "node:fs"],
    "what is real is made in main.ts",
  ),
  forbid(
    ["src/cli/**"],
    [
      ...["ora", "chalk", "pino", "prom-client", "@observablehq/*", "linkedom"],
      ...["**/drainer/sqs/**", "postgres", "@aws-sdk/*", "node:fs"],
    ],
    "what people read is made in cli/report/",
    ["src/cli/report/**"],
  ),
  forbid(
    ["src/cli/report/**"],
    ["@observablehq/*", "linkedom", "**/drainer/sqs/**", "postgres", "@aws-sdk/*", "node:fs"],
    "charts are drawn in cli/report/page/",
    ["src/cli/report/page/**"],
  ),
  forbid(["sandbox/**"], ["**/src/**"], "the sandbox stands beside the tool"),
  forbid(
    ["manual/**"],
    ["**/config/**", "**/drainer/**", "**/loader/**", "**/cli/commands/**"],
    "the manual page is made from the definitions of the commands",
  ),
  forbid(["bench/**"], ["**/src/**"], "the benchmark measures the tool as users start it"),
);
