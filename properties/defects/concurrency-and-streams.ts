/**
 * Seeded defects of calls made together, of the storage in memory, and of which streams are open.
 * @module
 */
import type { Defect } from "./defect.ts";
import { KIMBERLITE } from "./public-sources.ts";

const kind = "concurrency and streams";

export const CONCURRENCY_AND_STREAMS: readonly Defect[] = [
  {
    id: "expected-offset-ignored",
    kind,
    source: `${KIMBERLITE}: any expected offset is accepted`,
    sentence: "A batch is taken at another offset than the caller expected.",
    file: "src/requests.ts",
    find: "if (expected === undefined || expected === nextOffset) return;",
    replace: "if (expected === undefined || expected >= nextOffset) return;",
    invariant: "M1",
    part: "crashes",
    bounds: { operations: ["append", "misplaced-append"] },
  },
  {
    id: "memory-repeats-a-record",
    kind,
    sentence: "In memory every record of a batch is the first one.",
    file: "src/memory.ts",
    find: "this.#records.push(batch.bytes.subarray(at, at + size));",
    replace: "this.#records.push(batch.bytes.subarray(0, size));",
    invariant: "M2",
    part: "crashes",
    bounds: { operations: ["batch"], length: 1 },
  },
  {
    id: "appends-do-not-queue",
    kind,
    sentence: "An append does not wait for the ones before it.",
    file: "src/stream/stream.ts",
    find: "const done = this.#queue.then(work);",
    replace: "const done = work();",
    invariant: "L1",
    part: "concurrency",
  },
  {
    id: "expectation-compared-too-early",
    kind,
    sentence: "An expected offset is compared before the append's place in the queue is known.",
    file: "src/stream/stream.ts",
    find: `    return this.#enqueue(async () => {
      await this.#ready();
      this.#refuseIfPoisoned();
      const open = this.#open;
      if (open?.lostEnd !== undefined) throw open.lostEnd;
      const before = open?.end ?? genesisHead();
      refuseOtherOffset(this.#context.stream, expectedOffset, before.nextOffset);`,
    replace: `    const end = this.#open?.end.nextOffset ?? (0n as Offset);
    return this.#enqueue(async () => {
      await this.#ready();
      this.#refuseIfPoisoned();
      const open = this.#open;
      if (open?.lostEnd !== undefined) throw open.lostEnd;
      const before = open?.end ?? genesisHead();
      refuseOtherOffset(this.#context.stream, expectedOffset, end);`,
    invariant: "L1",
    part: "concurrency",
  },
  {
    id: "pipeline-goes-on",
    kind,
    sentence: "A pipeline goes on after a batch that was refused.",
    file: "src/pipeline.ts",
    find: "const appended = this.#last.then((before) => {",
    replace: "const appended = this.#last.catch(() => undefined).then((before) => {",
    test: "src/pipeline.test.ts",
  },
  {
    id: "memory-does-not-queue",
    kind,
    sentence: "In memory an append does not wait for the ones before it.",
    file: "src/memory.ts",
    find: "const appended = this.#queue.then(async () => {",
    replace: "const appended = Promise.resolve().then(async () => {",
    invariant: "L1",
    part: "concurrency",
  },
  {
    id: "checkpoint-anywhere",
    kind,
    sentence: "A checkpoint is taken as a stream's first record.",
    file: "src/format/batch.ts",
    find: "if (before.nextOffset === 0n) createCheckpoint(before.head, 0n);",
    replace: "if (before.nextOffset === 0n) return encodeDrafts(format, before, [], false);",
    invariant: "M1",
    part: "crashes",
    bounds: { operations: ["checkpoint"], length: 1 },
  },
  {
    id: "newest-stream-closed",
    kind,
    sentence: "Where too many streams are open, the one used last is closed.",
    file: "src/stream/open-streams.ts",
    find: "const [oldest] = this.#idle;",
    replace: "const oldest = [...this.#idle].at(-1);",
    test: "src/stream/open-streams.test.ts",
  },
  {
    id: "one-stream-too-many",
    kind,
    source: "KurrentDB: descriptors for every stream ever asked for",
    sentence: "One stream more than allowed is kept open.",
    file: "src/stream/open-streams.ts",
    find: "while (this.#open >= this.#max) {",
    replace: "while (this.#open > this.#max) {",
    test: "src/stream/open-streams.test.ts",
  },
];
