import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist/", "docs/api/", "coverage/", "reports/", ".stryker-tmp/", "*.cjs"] },
  js.configs.recommended,
  {
    files: ["examples/**"],
    languageOptions: { globals: { Buffer: "readonly", console: "readonly", process: "readonly" } },
  },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // A Disk may answer with a value or a promise; awaiting either is the contract (src/disk/disk.ts).
      "@typescript-eslint/await-thenable": "off",
      // Numbers read well in messages; objects and unknowns do not.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/consistent-type-imports": "error",
    },
  },
  {
    // A function of the engine is read in one sitting, and a file is one subject.
    files: ["src/**/*.ts"],
    ignores: ["**/*.test.ts"],
    rules: {
      "max-lines-per-function": ["error", 70],
      "max-lines": ["error", { max: 400, skipComments: true }],
    },
  },
  {
    // The engine is deterministic: no clock, no randomness, no timers, no console, no environment.
    files: ["src/**/*.ts", "model/**/*.ts", "audit/**/*.ts"],
    ignores: ["**/*.test.ts", "src/disk/node-disk.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        "setTimeout",
        "setInterval",
        "setImmediate",
        "queueMicrotask",
        "performance",
        "console",
        "process",
      ],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now" },
        { object: "Math", property: "random" },
      ],
      "no-restricted-syntax": [
        "error",
        { selector: "NewExpression[callee.name='Date']", message: "No clock." },
      ],
      "no-restricted-imports": [
        "error",
        {
          paths: [
            "node:fs",
            "node:fs/promises",
            "fs",
            "fs/promises",
            "node:timers",
            "node:os",
            "node:worker_threads",
          ],
        },
      ],
    },
  },
);
