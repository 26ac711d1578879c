import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import regexp from "eslint-plugin-regexp";
import tseslint from "typescript-eslint";

/** The folders that the command line uses. */
const BELOW_CLI = ["postgres", "quarantine", "drain", "recovery", "doctor", "config", "mapping", "masking"];

/**
 * The allowed imports: the other folders of src/ that each folder may import from, and the packages (regular expressions). Any other
 * import is an error. docs/architecture.md has the same table. A subfolder listed here needs its own entry.
 */
const ARROWS = {
  masking: { folders: [], packages: ["node:crypto", "ipaddr\\.js"] },
  mapping: {
    folders: ["masking"],
    packages: ["yaml", "zod", "fastest-levenshtein", "ipaddr\\.js", "node:(buffer|zlib)"],
  },
  doctor: { folders: [], packages: [] },
  config: { folders: ["mapping", "masking"], packages: ["node:(net|os|path)"] },
  recovery: { folders: ["mapping", "masking"], packages: ["node:crypto", "age-encryption"] },
  drain: { folders: ["mapping", "masking"], packages: ["node:(events|timers/promises)"] },
  quarantine: { folders: ["drain", "mapping", "masking"], packages: [] },
  aws: {
    folders: ["config"],
    packages: [
      "node:(async_hooks|crypto|diagnostics_channel|http|https|net|tls)",
      "@aws-sdk/[^/]+",
      "https?-proxy-agent",
      "proxy-from-env",
      "undici",
    ],
  },
  sqs: {
    folders: ["aws", "drain", "doctor", "config"],
    packages: ["node:crypto", "@aws-sdk/[^/]+"],
  },
  postgres: {
    folders: ["aws", "drain", "quarantine", "recovery", "doctor", "config", "mapping", "masking"],
    packages: [
      "node:(crypto|dns/promises|events|fs|net|timers/promises|tls)",
      "postgres",
      "@mongodb-js/saslprep",
    ],
  },
  cli: {
    folders: [...["cli/commands", "cli/completion", "cli/log", "cli/terminal"], ...BELOW_CLI],
    packages: ["node:util", "commander"],
  },
  "cli/completion": { folders: ["cli"], packages: ["commander"] },
  "cli/terminal": { folders: ["cli", "drain"], packages: ["node:util", "chalk", "ora"] },
  "cli/log": { folders: ["cli", "cli/terminal", "drain", "config"], packages: [] },
  "cli/commands": {
    folders: [
      ...["cli", "cli/commands/verify/page", "cli/completion", "cli/log", "cli/terminal"],
      ...BELOW_CLI,
    ],
    packages: ["commander", "prom-client"],
  },
  "cli/commands/verify/page": {
    folders: ["cli", "cli/commands", "cli/terminal", "postgres", "config", "mapping"],
    packages: [],
  },
};
/** Modules of side effects, and folders beside src/: nothing in the folders of src/ may import these. */
const NOBODYS = ["main.ts", "runtime.ts", "explain.ts", "write-file.ts", "run-program.ts"].map(
  (file) => `**/${file}`,
);
const BESIDE = ["sandbox", "bench", "scripts", "test"].map((folder) => `**/${folder}/**`);

const forbid = (files, patterns) => ({
  files,
  rules: { "no-restricted-imports": ["error", { patterns }] },
});

/** Forbids all imports that are not listed. Subfolders come after their parent, so their rules override it. */
const arrows = Object.entries(ARROWS).map(([folder, { folders, packages }]) => {
  const others = Object.keys(ARROWS).filter((other) => other !== folder && !folders.includes(other));
  const group = [...others.map((other) => `**/${other.split("/").at(-1)}/**`), ...NOBODYS, ...BESIDE];
  const regex = `^(?!\\.${packages.map((name) => `|${name}(/|$)`).join("")})`;
  return forbid(
    [`src/${folder}/**`],
    [
      { group, message: `src/${folder}/ may not import this folder.` },
      { regex, message: `src/${folder}/ may not import this package.` },
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
  // Input comes from strangers: no regular expression may take more than linear time.
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
  {
    files: ["src/**"],
    rules: {
      "no-restricted-properties": [
        "error",
        { property: "toLocaleString", message: "It loads locale data, 20 ms. Use count() from failure.ts." },
      ],
    },
  },
  // Vitest types asymmetric matchers as any.
  { files: ["test/**"], rules: { "@typescript-eslint/no-unsafe-assignment": "off" } },
  ...arrows,
  forbid(
    ["sandbox/**"],
    [{ group: ["**/src/**", "**/bench/**"], message: "The sandbox does not depend on the tool." }],
  ),
  forbid(
    ["scripts/**"],
    [
      {
        group: ["**/config/**", "**/src/drain/**", "**/postgres/**"],
        message: "The manual page needs only the definitions of the commands.",
      },
    ],
  ),
  forbid(["bench/**"], [{ group: ["**/src/**"], message: "The benchmark starts the tool as users do." }]),
);
