/**
 * Seeded defects of durability: of what is synced, and in which order.
 * @module
 */
import type { Defect } from "./defect.ts";
import { ALICE, KIMBERLITE } from "./public-sources.ts";

const kind = "durability";

export const DURABILITY: readonly Defect[] = [
  {
    id: "segments-never-synced",
    kind,
    source: "Kimberlite, its canary: a sync is skipped",
    sentence: "A segment is not synced, neither by an append nor by recovery.",
    file: "src/segment/active-segment.ts",
    find: `await io("syncing a segment", this.#place(), () => this.file.sync());
    this.#unsynced = false;`,
    replace: "this.#unsynced = false;",
    invariant: "D4",
    part: "crashes",
    bounds: { operations: ["append"] },
  },
  {
    id: "batch-without-sync",
    kind,
    sentence: "A batch of several records is acknowledged and not synced.",
    file: "src/stream/stream.ts",
    find: "    if (fsync) await this.#orPoison(() => active.sync());",
    replace: "    if (fsync && batch.sizes.length === 1) await this.#orPoison(() => active.sync());",
    invariant: "D1",
    part: "crashes",
    bounds: {
      operations: ["batch"],
      checkpointEvery: 0,
      length: 1,
      persistence: "prefix",
      indexLogMaxEntries: 9,
    },
  },
  {
    id: "strict-without-sync",
    kind,
    sentence: "Strict durability does not sync the index entry.",
    file: "src/segment/active-segment.ts",
    find: `      await io("syncing an index", this.#place(), () => log.sync());
    }
    const framed`,
    replace: `    }
    const framed`,
    invariant: "C5",
    part: "ambiguity",
  },
  {
    id: "named-before-the-sync",
    kind,
    source: `${KIMBERLITE}: the index is ahead of the log after an unsynced tail was lost`,
    sentence: "Records are named in the index before they are synced.",
    file: "src/stream/stream.ts",
    find: `    if (fsync) await this.#orPoison(() => active.sync());
    active.commit(batch);
    if (fsync) await this.#orPoison(() => active.nameRecords());`,
    replace: `    active.commit(batch);
    if (fsync) await this.#orPoison(() => active.nameRecords());
    if (fsync) await this.#orPoison(() => active.sync());`,
    invariant: "D2",
    part: "crashes",
    bounds: { operations: ["append+sync"], length: 1 },
  },
  {
    id: "sealed-without-sync",
    kind,
    sentence: "A full segment is not synced before its successor is made.",
    file: "src/stream/stream.ts",
    find: `    await this.#orPoison(() => active.sync());
    this.#isRotating = true;`,
    replace: "    this.#isRotating = true;",
    invariant: "D2",
    part: "crashes",
    bounds: { operations: ["append", "batch"], length: 2 },
  },
  {
    id: "segment-names-not-synced",
    kind,
    source: ALICE,
    sentence: "A segment's name is not durable before the manifest names it.",
    file: "src/segment/active-segment.ts",
    find: `    await syncNames(disk, streamPath);
    return { file, indexLog };`,
    replace: "    return { file, indexLog };",
    invariant: "D2",
    part: "crashes",
    bounds: { operations: ["append+sync"], length: 1 },
  },
  {
    id: "renamed-before-the-sync",
    kind,
    source: `${ALICE}: an empty file after the crash`,
    sentence: "A file gets its name before its content is synced.",
    file: "src/disk/obstacles.ts",
    find: 'await io("syncing a file", { file: temporary }, () => file.sync());',
    replace: "",
    invariant: "D4",
    part: "crashes",
    bounds: { operations: ["append+sync"], length: 1 },
  },
  {
    id: "manifest-written-in-place",
    kind,
    source: `${KIMBERLITE}: the manifest is rewritten in place`,
    sentence: "A hint is written over the one before.",
    file: "src/disk/obstacles.ts",
    find: "const temporary = temporaryName(path);",
    replace: "const temporary = path;",
    invariant: "D4",
    part: "crashes",
    bounds: { operations: ["batch"], length: 2 },
  },
  {
    id: "stream-name-not-synced",
    kind,
    source: `${KIMBERLITE}: only the segment is synced, never the directory`,
    sentence: "The name of a new stream's directory is not synced.",
    file: "src/stream/create-stream.ts",
    find: `  await syncNames(context.disk, context.rootPath);
  const manifest`,
    replace: "  const manifest",
    invariant: "D4",
    part: "crashes",
    bounds: { operations: ["append+sync"], length: 1 },
  },
  {
    id: "names-not-synced-at-opening",
    kind,
    source: ALICE,
    sentence: "Recovery builds on names that a killed process left and nobody synced.",
    file: "src/stream/opening.ts",
    find: `    await syncNames(this.#context.disk, this.#context.rootPath);
    await syncNames(this.#context.disk, this.#context.path);
    await this.#createEmptySegment();`,
    replace: "    await this.#createEmptySegment();",
    invariant: "D4",
    part: "crashes",
    bounds: { operations: ["append"], length: 1 },
  },
  {
    id: "fewer-proofs-in-strict-mode",
    kind,
    sentence: "Only every second record is named in the index.",
    file: "src/segment/active-segment.ts",
    find: "if (log === undefined || this.#indexStopped || this.#logState.framed === this.index.count) return;",
    replace:
      "if (log === undefined || this.#indexStopped || this.index.count - this.#logState.framed < 2) return;",
    invariant: "C5",
    part: "ambiguity",
  },
  {
    id: "own-name-not-synced",
    kind,
    sentence: "The data directory's own name is not synced.",
    file: "src/storage.ts",
    find: "    await syncNames(disk, parentOf(path));",
    replace: "    await syncNames(disk, path);",
    test: "src/storage-directory.test.ts",
  },
  {
    id: "manifest-name-not-synced",
    kind,
    source: ALICE,
    sentence: "The new manifest's name is not synced.",
    file: "src/stream/manifest-files.ts",
    find: `    }
    await syncNames(disk, path);`,
    replace: `    }`,
    test: "src/stream/manifest-files.test.ts",
  },
];
