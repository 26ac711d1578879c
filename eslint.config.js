import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import regexp from "eslint-plugin-regexp";
import tseslint from "typescript-eslint";

/** What the command line is made of. */
const BELOW_CLI = ["postgres", "quarantine", "drain", "recovery", "doctor", "config", "login", "masking"];

/**
 * The arrows of the architecture: which other folders of src/ each folder may import from, and which packages (regular expressions). What is
 * not named is an error, and docs/architecture.md has the same table. A folder within another is one of its own.
 */
const ARROWS = {
  masking: { folders: [], packages: ["node:crypto", "ipaddr\\.js"] },
  login: { folders: ["masking"], packages: [] },
  doctor: { folders: [], packages: [] },
  config: { folders: ["login", "masking"], packages: ["node:(os|path)"] },
  recovery: { folders: ["masking"], packages: ["node:crypto", "age-encryption"] },
  drain: { folders: ["login", "masking"], packages: ["node:(events|timers/promises)"] },
  quarantine: { folders: ["drain", "login", "masking"], packages: [] },
  sqs: {
    folders: ["drain", "doctor", "config"],
    packages: [
      "node:(async_hooks|crypto|diagnostics_channel|http|https|net|stream|tls)",
      "@aws-sdk/[^/]+",
      "https?-proxy-agent",
      "proxy-from-env",
    ],
  },
  postgres: {
    folders: ["drain", "quarantine", "recovery", "doctor", "config", "login", "masking"],
    packages: ["node:(crypto|dns/promises|events|fs|net|tls)", "postgres", "@mongodb-js/saslprep"],
  },
  cli: {
    folders: [...["cli/commands", "cli/completion", "cli/log", "cli/terminal"], ...BELOW_CLI],
    packages: ["node:util", "commander"],
  },
  "cli/completion": { folders: ["cli"], packages: ["commander"] },
  "cli/terminal": { folders: ["cli", "drain"], packages: ["node:util", "chalk", "ora"] },
  "cli/log": { folders: ["cli", "cli/terminal", "drain", "config"], packages: ["node:util", "pino"] },
  "cli/commands": {
    folders: [
      ...["cli", "cli/commands/verify/page", "cli/completion", "cli/log", "cli/terminal"],
      ...BELOW_CLI,
    ],
    packages: ["commander", "chalk", "prom-client"],
  },
  "cli/commands/verify/page": {
    folders: ["cli", "cli/commands", "cli/terminal", "postgres", "config", "login"],
    packages: ["@observablehq/plot", "linkedom"],
  },
};
/** What makes the others real, or stands beside the tool. */
const NOBODYS = ["main.ts", "runtime.ts", "explain.ts", "write-file.ts"].map((file) => `**/${file}`);
const BESIDE = ["sandbox", "bench", "manual", "test"].map((folder) => `**/${folder}/**`);

const forbid = (files, patterns) => ({
  files,
  rules: { "no-restricted-imports": ["error", { patterns }] },
});

/** Forbids what no arrow allows. The folders within a folder come after it, and what is said of them holds. */
const arrows = Object.entries(ARROWS).map(([folder, { folders, packages }]) => {
  const others = Object.keys(ARROWS).filter((other) => other !== folder && !folders.includes(other));
  const group = [...others.map((other) => `**/${other.split("/").at(-1)}/**`), ...NOBODYS, ...BESIDE];
  const regex = `^(?!\\.${packages.map((name) => `|${name}(/|$)`).join("")})`;
  return forbid(
    [`src/${folder}/**`],
    [
      { group, message: `src/${folder}/ has no arrow to it.` },
      { regex, message: `src/${folder}/ does without it.` },
    ],
  );
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
  // A stranger writes what these read: no expression may take more than linear time.
  {
    files: ["src/**", "sandbox/**", "bench/**"],
    plugins: { regexp },
    rules: {
      "regexp/no-super-linear-backtracking": ["error", { report: "potential" }],
      "regexp/no-super-linear-move": [
        "error",
        { report: "potential", ignorePartial: false, ignoreSticky: false },
      ],
    },
  },
  // vitest's asymmetric matchers are typed as any.
  { files: ["test/**"], rules: { "@typescript-eslint/no-unsafe-assignment": "off" } },
  ...arrows,
  forbid(
    ["sandbox/**"],
    [{ group: ["**/src/**", "**/bench/**"], message: "The sandbox stands beside the tool." }],
  ),
  forbid(
    ["manual/**"],
    [
      {
        group: ["**/config/**", "**/src/drain/**", "**/postgres/**"],
        message: "The manual page is made from the definitions of the commands.",
      },
    ],
  ),
  forbid(
    ["bench/**"],
    [{ group: ["**/src/**"], message: "The benchmark measures the tool as users start it." }],
  ),
);
