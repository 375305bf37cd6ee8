/** Checkpoints: their payload written out, when one is due, and where to find them. */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";

import { hex } from "../../e2e/by-hand.ts";
import { failureOf } from "../../e2e/testing.ts";
import {
  CheckpointIndex,
  createCheckpoint,
  deserializeCheckpointPayload,
  serializeCheckpointPayload,
  shouldCreateCheckpoint,
} from "./checkpoint.ts";
import { StorageError } from "../error.ts";
import type { Offset } from "../types.ts";

const HASH = hex("c0351898aed9916debcc05905fb10161c329785aaa559dbc85fc1571516b6f6e");

/** The checkpoint of two records, with that hash. */
const PAYLOAD = hex(`
  c0351898aed9916debcc05905fb10161c329785aaa559dbc85fc1571516b6f6e
  0200000000000000
`);

describe("a checkpoint's payload", () => {
  test("is the hash before it and how many records precede", () => {
    expect(serializeCheckpointPayload(createCheckpoint(HASH, 2n))).toStrictEqual(PAYLOAD);
    expect(deserializeCheckpointPayload(PAYLOAD)).toStrictEqual({ chainHash: HASH, recordCount: 2n });
  });

  test("counts in all 64 bits", () => {
    const payload = serializeCheckpointPayload({ chainHash: HASH, recordCount: 2n ** 64n - 2n });
    expect(Buffer.from(payload.subarray(32))).toStrictEqual(hex("feffffffffffffff"));
    expect(deserializeCheckpointPayload(payload).recordCount).toBe(2n ** 64n - 2n);
  });

  test.each([0, 39, 41, 80])("of %i bytes is refused", async (bytes) => {
    const error = await failureOf(() => deserializeCheckpointPayload(new Uint8Array(bytes)));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "malformed" });
  });
});

describe("createCheckpoint", () => {
  test("copies the hash", () => {
    const hash = Uint8Array.from(HASH);
    const checkpoint = createCheckpoint(hash, 1n);
    hash.fill(0);
    expect(checkpoint).toStrictEqual({ chainHash: Uint8Array.from(HASH), recordCount: 1n });
  });

  test.each([0n, -1n])("refuses %i records: a stream's first is data", async (count) => {
    const error = await failureOf(() => createCheckpoint(HASH, count));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "empty-stream" });
  });

  test.each([0, 31, 33])("refuses a hash of %i bytes", async (bytes) => {
    const error = await failureOf(() => createCheckpoint(new Uint8Array(bytes), 1n));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "malformed" });
  });
});

describe("a checkpoint is due where offset + 1 is a multiple of the policy's number", () => {
  test.each<[number, number[]]>([
    [0, []],
    [1, [0, 1, 2, 3, 4, 5, 6, 7, 8]],
    [3, [2, 5, 8]],
    [8, [7]],
    [1000, []],
  ])("every %i: offsets %j of the first nine", (everyNRecords, due) => {
    const offsets = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    expect(
      offsets.filter((offset) => shouldCreateCheckpoint({ everyNRecords }, BigInt(offset) as Offset)),
    ).toStrictEqual(due);
  });

  test("also beyond what a double holds", () => {
    expect(shouldCreateCheckpoint({ everyNRecords: 2 }, (2n ** 60n + 1n) as Offset)).toBe(true);
    expect(shouldCreateCheckpoint({ everyNRecords: 2 }, (2n ** 60n) as Offset)).toBe(false);
  });
});

describe("the checkpoint index", () => {
  test.prop([fc.uniqueArray(fc.nat(50)), fc.nat(60)])(
    "finds the last at or before an ordinal",
    (ordinals, wanted) => {
      const index = new CheckpointIndex();
      for (const ordinal of ordinals.sort((a, b) => a - b)) index.add(ordinal);
      expect(index.count).toBe(ordinals.length);
      expect(index.nearest(wanted)).toBe(ordinals.filter((ordinal) => ordinal <= wanted).at(-1));
    },
  );

  test.each([4, 5])("refuses %i behind 5: they ascend", async (ordinal) => {
    const index = new CheckpointIndex();
    index.add(5);
    const error = await failureOf(() => {
      index.add(ordinal);
    });
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "out-of-range" });
    expect(index.count).toBe(1);
  });
});
