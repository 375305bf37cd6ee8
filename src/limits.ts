/**
 * The engine's limits. Each is refused with a `StorageError` before anything is changed.
 * @module
 */

/** Largest payload in bytes, stored or expanded: the length field's 28 bits (docs/FORMAT.md, section 2). */
export const MAX_PAYLOAD_BYTES: number = 2 ** 28 - 1;

/** Largest batch in bytes as encoded; well below what one `pwrite` transfers (2^31 - 4096 on Linux). */
export const MAX_BATCH_BYTES: number = 2 ** 30;

/** Size in bytes at which a segment ends, unless the options say otherwise. */
export const SEGMENT_BYTES: number = 2 ** 28;

/** Largest offset in a storage: what a double holds exactly. The record codec covers all of i64. */
export const MAX_OFFSET: number = Number.MAX_SAFE_INTEGER;

/** Largest stream number: an unsigned 64-bit integer. */
export const MAX_STREAM_ID: bigint = 2n ** 64n - 1n;

/** Bytes that `maxSegmentBytes` and `mergeThresholdBytes` may be at most. */
export const SEGMENT_BYTES_MAX: number = 2 ** 40;

/** How many segments one can take the place of (docs/FORMAT.md, section 1): so a name makes up no more. */
export const MERGED_MAX = 1000;
