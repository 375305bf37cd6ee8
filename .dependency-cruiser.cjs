// Dependencies point one way: cli, bench -> properties -> fault-injection, model -> src; cli -> audit ->
// model, src; explore stands alone. In src/: what is at its top -> stream -> segment -> format, disk.

/** What every room of the engine may know: its words, its limits, its errors. */
const VOCABULARY = "(types|limits|segment-numbers|error|options|element-at|invariant|aborted)\\.ts$";

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "engine-knows-nothing-of-the-checker",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(model|explore|fault-injection|properties|audit|cli|bench)/" },
    },
    {
      name: "format-is-bytes-without-files",
      severity: "error",
      from: { path: "^src/format/", pathNot: "\\.test\\.ts$" },
      to: { path: `^src/(?!format/|${VOCABULARY})` },
    },
    {
      name: "disk-knows-nothing-of-the-log",
      severity: "error",
      from: { path: "^src/disk/", pathNot: "\\.test\\.ts$" },
      to: { path: `^src/(?!disk/|${VOCABULARY})` },
    },
    {
      name: "segment-knows-no-stream",
      severity: "error",
      from: { path: "^src/segment/", pathNot: "\\.test\\.ts$" },
      to: { path: `^src/(?!(segment|format|disk)/|${VOCABULARY})` },
    },
    {
      name: "stream-knows-no-storage",
      severity: "error",
      from: { path: "^src/stream/", pathNot: "\\.test\\.ts$" },
      to: { path: `^src/(?!(stream|segment|format|disk)/|${VOCABULARY}|(backend|cursor|requests)\\.ts$)` },
    },
    {
      name: "model-uses-only-the-engine's-types",
      comment: "Engine and model could otherwise be wrong together.",
      severity: "error",
      from: { path: "^model/" },
      to: { path: "^(src/(?!types\\.ts$)|explore/|fault-injection/|properties/|audit/|cli/|bench/)" },
    },
    {
      name: "engine-and-model-share-no-hash-or-checksum-library",
      severity: "error",
      from: { path: "^src/", pathNot: "\\.test\\.ts$" },
      to: { path: "node_modules/(crc-32|@noble)" },
    },
    {
      name: "model-does-not-use-the-engine's-libraries",
      severity: "error",
      from: { path: "^model/", pathNot: "\\.test\\.ts$" },
      to: { path: "^(crypto|zlib|node:crypto|node:zlib)$|node_modules/(lz4-napi|@mongodb-js)" },
    },
    {
      name: "disk-knows-only-the-door",
      severity: "error",
      from: { path: "^fault-injection/" },
      to: { path: "^(src/(?!(disk/disk|types)\\.ts$)|model/|properties/|audit/|cli/|bench/)" },
    },
    {
      name: "exploration-stands-alone",
      comment: "It searches any program, not only this package's.",
      severity: "error",
      from: { path: "^explore/", pathNot: "\\.test\\.ts$" },
      to: { path: "^(src|model|fault-injection|properties|audit|cli|bench|e2e)/" },
    },
    {
      name: "checker-does-not-know-its-front-ends",
      severity: "error",
      from: { path: "^properties/" },
      to: { path: "^(audit|cli|bench)/" },
    },
    {
      name: "auditor-knows-neither-checker-nor-front-ends",
      severity: "error",
      from: { path: "^audit/", pathNot: "\\.test\\.ts$" },
      to: { path: "^(explore|fault-injection|properties|cli|bench|e2e)/" },
    },
    {
      name: "what-is-shipped-needs-no-development-dependency",
      comment: "It would not be there where the package is installed.",
      severity: "error",
      from: {
        path: "^(src|model|explore|fault-injection|properties|audit|cli)/",
        pathNot: "((\\.test|/testing|/random-choice)\\.ts$|^properties/defects/)",
      },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    { name: "no-orphans", severity: "error", from: { orphan: true, pathNot: "\\.(test|d)\\.ts$" }, to: {} },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
