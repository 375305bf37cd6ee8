import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: [
      "{src,model,explore,fault-injection,properties,audit,cli,e2e}/**/*.test.ts",
      "examples/*.test.mjs",
    ],
    setupFiles: ["./vitest.setup.ts"],
    testTimeout: 60_000,
    coverage: {
      include: ["src/**/*.ts"],
      exclude: ["**/*.d.ts"],
      reporter: ["text", "html"],
      // What cannot be reached is removed or asserted, not excluded.
      thresholds: { lines: 100, branches: 100, functions: 100, statements: 100 },
    },
  },
});

export default config;
