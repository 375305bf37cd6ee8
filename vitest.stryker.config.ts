/**
 * The suite that mutants are run against: in process only, with fixed seeds, without shrinking.
 * `@fast-check/vitest` puts its seed into the test's name, so that a random one makes the per-test filter
 * match nothing and mutants survive that are never run.
 */
import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["{src,properties}/**/*.test.ts"],
    exclude: ["src/disk/node-disk.test.ts"],
    setupFiles: ["./vitest.stryker.setup.ts"],
    testTimeout: 60_000,
  },
});

export default config;
