/**
 * A stream of more segments than a call takes arguments: nothing in the engine passes what a directory holds
 * on the stack.
 */
import { expect, test, vi } from "vitest";

import { HandLog, indexBytes, text } from "../e2e/by-hand.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { Storage } from "./storage.ts";

const SEGMENTS = 130_000;

/** Far more than any machine takes. */
vi.setConfig({ testTimeout: 1_200_000 });

test("130,000 segments are opened, read and rotated", async () => {
  const name = (number: number): string => `1/segment_${String(number).padStart(6, "0")}.log`;
  const files = new Map<string, Uint8Array>();
  const log = new HandLog(0);
  for (let i = 0; i < SEGMENTS; i += 1) log.append(text("e"));
  for (const [i, { hash }] of log.records.entries()) {
    files.set(name(i), log.bytes(i, i + 1));
    if (i + 1 < SEGMENTS) files.set(`${name(i)}.idx`, indexBytes([[0]], 49, hash));
  }
  const segments = Array.from({ length: SEGMENTS }, (_, i) => ({
    segment_num: i,
    first_offset: i,
    next_offset: i + 1 < SEGMENTS ? i + 1 : i,
    size_bytes: i + 1 < SEGMENTS ? 49 : 0,
  }));
  const manifest = { segments, active_segment: SEGMENTS - 1, format: "plain" };
  files.set("1/manifest.json", Buffer.from(JSON.stringify(manifest)));
  files.set(`${name(SEGMENTS - 1)}.idx.wal`, new Uint8Array(0));

  const disk = new MemoryDisk("/data", files);
  const storage = await Storage.open("/data", {
    disk,
    maxSegmentBytes: 1,
    checkpoints: { everyNRecords: 0 },
  });
  const { nextOffset } = await storage.appendBatch(1n, [text("e")]);
  expect(nextOffset).toBe(BigInt(SEGMENTS + 1));
  const status = await storage.status(1n);
  expect(status.segments).toHaveLength(SEGMENTS + 1);
  expect(status.findings).toStrictEqual([]);
  expect(await storage.readFrom(1n, BigInt(SEGMENTS - 1), 1, { verify: "record" })).toHaveLength(1);
  await storage.close();
});
