/**
 * Seeded defects of how the engine goes on after a call to the operating system has failed.
 * @module
 */
import type { Defect } from "./defect.ts";
import { FSYNC, KIMBERLITE } from "./public-sources.ts";

const kind = "failing calls";

export const FAILING_CALLS: readonly Defect[] = [
  {
    id: "failed-sync-forgotten",
    kind,
    source: FSYNC,
    sentence: "After a failed sync the stream takes the next batch.",
    file: "src/stream/stream.ts",
    find: "if (fsync) await this.#orPoison(() => active.sync());",
    replace: "if (fsync) await active.sync();",
    invariant: "D6",
    part: "failing-calls",
    bounds: { faultLength: 2 },
  },
  {
    id: "end-moved-before-the-write",
    kind,
    sentence: "A stream's end moves on before the batch is written.",
    file: "src/stream/stream.ts",
    find: `    try {
      await active.write(batch);`,
    replace: `    open.end = batch.end;
    try {
      await active.write(batch);`,
    invariant: "D7",
    part: "failing-calls",
    bounds: { operations: ["append+sync"] },
  },
  {
    id: "index-goes-on-after-failed-save",
    kind,
    sentence: "After a failed save the index goes on, and is saved again after as many entries.",
    file: "src/segment/active-segment.ts",
    find: `      this.#indexStopped = true;
`,
    replace: `      this.#logState = { ...this.#logState, entries: 0 };
`,
    invariant: "C2",
    part: "failing-calls",
    bounds: { operations: ["append+sync"] },
  },
  {
    id: "frames-start-again-after-failure",
    kind,
    sentence: "After a failed write frames start again at the beginning of the write-ahead file.",
    file: "src/segment/active-segment.ts",
    find: `      this.#indexStopped = true;
`,
    replace: `      this.#logState = { ...this.#logState, bytes: 0, entries: 0 };
`,
    invariant: "C2",
    part: "failing-calls",
    bounds: { operations: ["append+sync"] },
  },
  {
    id: "short-write-believed",
    kind,
    sentence: "A write that wrote less than asked counts as done.",
    file: "src/disk/files.ts",
    find: "if (written !== bytes.length) {",
    replace: "if (written > bytes.length) {",
    invariant: "D7",
    part: "failing-calls",
    bounds: { operations: ["append+sync"] },
  },
  {
    id: "failed-write-stays",
    kind,
    source: `${KIMBERLITE}: a failed append leaves half a batch in place`,
    sentence: "What a failed write may have left is not cut off.",
    file: "src/segment/active-segment.ts",
    find: 'await io("cutting a segment back", place, () => this.file.truncate(this.index.end));',
    replace: "",
    test: "src/storage-failing-disk.test.ts",
  },
  {
    id: "frame-behind-a-hole",
    kind,
    sentence:
      "If the write-ahead file was cut and no frame could be written, the next one is written where it would have been before: after a hole.",
    file: "src/segment/active-segment.ts",
    find: `      this.#indexStopped = true;
      if (this.#settings.durability`,
    replace: `      this.#logState = { ...this.#logState, entries: 0 };
      if (this.#settings.durability`,
    invariant: "C2",
    part: "stored-bytes",
    directory: "after a failing call",
  },
  {
    id: "torn-frame-hides-a-lost-end",
    kind,
    sentence:
      "Where the last frame is torn, the frames before it are no evidence that the segment was longer.",
    file: "src/segment/hints.ts",
    find: "watermark: Math.max(log.watermark, parsed?.end ?? 0)",
    replace: "watermark: Math.max(log.torn ? index.end : log.watermark, parsed?.end ?? 0)",
    invariant: "C2",
    part: "stored-bytes",
    directory: "after a failing call",
  },
  {
    id: "torn-frame-hides-the-saved-index",
    kind,
    sentence: "Where the last frame is torn, the saved index is no evidence that the segment was longer.",
    file: "src/segment/hints.ts",
    find: "watermark: Math.max(log.watermark, parsed?.end ?? 0)",
    replace: "watermark: log.torn ? log.watermark : Math.max(log.watermark, parsed?.end ?? 0)",
    invariant: "C2",
    part: "stored-bytes",
    directory: "after a failing call",
  },
];
