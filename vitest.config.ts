import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["{src,model,fault-injection,properties,cli,e2e}/**/*.test.ts"],
    setupFiles: ["./vitest.setup.ts"],
    testTimeout: 60_000,
    coverage: { include: ["src/**/*.ts"], reporter: ["text", "html"] },
  },
});

export default config;
