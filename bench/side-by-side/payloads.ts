/**
 * What is appended: random bytes, which no contestant can compress.
 * @module
 */
import { randomFillSync } from "node:crypto";

/** How many different payloads there are, unless they would take more memory than this. */
const PAYLOADS = 1000;
const MEMORY_BYTES_MAX = 2 ** 24;

/** Batches of payloads, each of so many records; there are several of them if they are small. */
export function batchesOf(payloadBytes: number, batchRecords: number): readonly (readonly Uint8Array[])[] {
  const count = Math.max(1, Math.min(PAYLOADS, Math.floor(MEMORY_BYTES_MAX / payloadBytes)));
  const bytes = randomFillSync(Buffer.alloc(count * payloadBytes));
  const payloads = Array.from({ length: count }, (_, i) =>
    bytes.subarray(i * payloadBytes, (i + 1) * payloadBytes),
  );
  const batches = Math.max(1, Math.floor(count / batchRecords));
  return Array.from({ length: batches }, (_, batch) =>
    Array.from({ length: batchRecords }, (_, i) => payloads[(batch * batchRecords + i) % count] ?? bytes),
  );
}
