/**
 * Seeded defects of the data directory: of the lock, of disks that may not write, and of options.
 * @module
 */
import type { Defect } from "./defect.ts";
import { KIMBERLITE } from "./public-sources.ts";

const kind = "the data directory";

export const DATA_DIRECTORY: readonly Defect[] = [
  {
    id: "second-opener-admitted",
    kind,
    source: `${KIMBERLITE}: two processes open one directory`,
    sentence: "A directory that is locked is opened without the lock.",
    file: "src/storage.ts",
    find: "if (lock === undefined) return undefined;",
    replace: "lock ??= { release: () => undefined };",
    invariant: "S1",
    part: "crashes",
    bounds: { operations: ["append"], length: 1 },
  },
  {
    id: "quarantine-outside",
    kind,
    sentence: "What is cut off goes into a directory outside of the data directory.",
    file: "src/segment/quarantine.ts",
    find: `const directory = \`\${streamPath}/\${QUARANTINE_NAME}\`;
  const source`,
    replace: `const directory = \`/\${QUARANTINE_NAME}\`;
  const source`,
    invariant: "S2",
    part: "stored-bytes",
    directory: "left by a workload",
    bounds: { operations: ["append"] },
  },
  {
    id: "overlay-forgets-a-cut",
    kind,
    sentence: "A file that was cut in memory and grows again shows what is on the disk there.",
    file: "src/disk/overlay-disk.ts",
    find: "    this.#oldShown = Math.min(this.#oldShown, size);\n",
    replace: "",
    test: "src/disk/overlay-disk.test.ts",
  },
  {
    id: "overlay-keeps-what-was-cut",
    kind,
    sentence: "What was written in memory, and then cut off, is back once the file grows again.",
    file: "src/disk/overlay-disk.ts",
    find: "this.#patches[i] = { at, bytes: bytes.subarray(0, Math.max(0, size - at)) };",
    replace: "this.#patches[i] = { at, bytes };",
    test: "src/disk/overlay-disk.test.ts",
  },
  {
    id: "read-only-writes",
    kind,
    sentence: "A read-only disk opens files for writing.",
    file: "src/disk/read-only-disk.ts",
    find: '(mode === "read" ? disk.open(path, mode) : refused(`opening for ${mode}`, path))',
    replace: '(mode !== "create" ? disk.open(path, mode) : refused(`opening for ${mode}`, path))',
    test: "src/disk/overlay-disk.test.ts",
  },
  {
    id: "overlay-lists-what-is-gone",
    kind,
    sentence: "A file that was removed in memory is still listed.",
    file: "src/disk/overlay-disk.ts",
    find: "if (layered === undefined) names.delete(name);\n      else names.add(name);",
    replace: "if (layered !== undefined) names.add(name);",
    test: "src/disk/overlay-disk.test.ts",
  },
  {
    id: "lost-lock-not-noticed",
    kind,
    source: "gastownhall/beads, near/nearcore: a lock file removed while it is held",
    sentence: "After a sync it is not looked whether the lock is still held.",
    file: "src/disk/guarded-disk.ts",
    find: `      await file.sync();
      await look();`,
    replace: "      await file.sync();",
    test: "src/disk/guarded-disk.test.ts",
  },
  {
    id: "misspelt-options-accepted",
    kind,
    sentence: "An option that there is not is ignored.",
    file: "src/options.ts",
    find: "if (unknown === undefined) return value;",
    replace: "if (unknown !== null) return value;",
    test: "src/options.test.ts",
  },
  {
    id: "lost-lock-found-again",
    kind,
    sentence: "A lock is held as long as some file has its name.",
    file: "src/disk/node-disk.ts",
    find: "this.#isLost ||= named?.ino !== this.#locked.ino || named.dev !== this.#locked.dev;",
    replace: "this.#isLost ||= named === undefined;",
    test: "src/disk/node-disk.test.ts",
  },
];
