/**
 * For `vitest run --config`: tests on sources with the defects in them that the file named by the environment
 * variable describes.
 * @module
 */
import { readFileSync } from "node:fs";
import { defineConfig, type ViteUserConfig } from "vitest/config";
import { TESTS } from "./vitest.config.ts";
import type { Replacement } from "./properties/defects/apply.ts";
import { REPLACEMENT_VARIABLE } from "./properties/defects/defect.ts";

const given = JSON.parse(readFileSync(process.env[REPLACEMENT_VARIABLE] ?? "", "utf8")) as Replacement[];
const sources = new Map(given.map(({ file, text }) => [file, text]));

const config: ViteUserConfig = defineConfig({
  test: {
    include: TESTS,
    setupFiles: ["./vitest.setup.ts"],
    // A defect that lets a test wait for ever is noticed by this.
    testTimeout: 60_000,
  },
  plugins: [
    {
      name: "seeded-defects",
      enforce: "pre",
      transform: (_, id) => sources.get(id),
    },
  ],
});

export default config;
