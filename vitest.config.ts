import { availableParallelism } from "node:os";
import { defineConfig, type ViteUserConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Suites that get a process of their own: they run programs as users do, patch modules, or measure the memory
 * of the process. The others share one for each core, and load what they test once.
 */
const ISOLATED = [
  "audit/two-readers.test.ts",
  "bench/side-by-side/main.test.ts",
  "cli/*.test.ts",
  "e2e/{examples,limits,readme,real-crash,shards,working-directory}.test.ts",
  "properties/defects/*.test.ts",
  "properties/format/claimed-sizes.test.ts",
  "properties/invariants/parts.test.ts",
  "properties/parts.test.ts",
  "properties/pinned/pinned.test.ts",
  "src/disk/*.test.ts",
  "src/format/codec.test.ts",
  "src/pipeline.test.ts",
];

/** Suites that take long, so that none of them runs alone at the end. */
const FIRST = [
  "cli/directory.test.ts",
  "cli/kmb.test.ts",
  "properties/invariants/parts.test.ts",
  "e2e/real-crash.test.ts",
  "e2e/shards.test.ts",
  "properties/documents/documents.test.ts",
  "audit/flips.test.ts",
  "src/storage-damage.test.ts",
  "src/odd-files.test.ts",
  "src/storage-directory.test.ts",
  "e2e/kimberlite-lost.test.ts",
  "fault-injection/failing-syncs.test.ts",
];

/** Isolated suites before the others, for a process is shared only by suites that follow each other. */
class LongFirst extends BaseSequencer {
  override async sort(suites: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const at = FIRST.findIndex((name) => moduleId.endsWith(name));
      return at < 0 ? FIRST.length : at;
    };
    const isShared = ({ project }: TestSpecification): number => Number(!project.config.isolate);
    const sorted = await super.sort(suites);
    return sorted.sort((a, b) => isShared(a) - isShared(b) || place(a) - place(b));
  }
}

export const TESTS: string[] = [
  "{src,model,explore,fault-injection,properties,audit,cli,e2e,bench}/**/*.test.ts",
  "examples/*.test.mjs",
];

const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: "isolated", include: ISOLATED } },
      { extends: true, test: { name: "shared", include: TESTS, exclude: ISOLATED, isolate: false } },
    ],
    maxWorkers: availableParallelism(),
    sequence: { sequencer: LongFirst },
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
