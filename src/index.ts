/**
 * kimberlite-storage: an append-only, hash-chained, CRC-checked segment log.
 * @module
 */
export type {
  AppendOptions,
  AppendResult,
  FollowOptions,
  IterateOptions,
  ReadOptions,
  StorageBackend,
} from "./backend.ts";
export {
  type Checkpoint,
  CheckpointIndex,
  createCheckpoint,
  deserializeCheckpointPayload,
  serializeCheckpointPayload,
  shouldCreateCheckpoint,
} from "./format/checkpoint.ts";
export { type Codec, CodecRegistry, Lz4Codec, NoneCodec, ZstdCodec } from "./format/codec.ts";
export type { Disk, DiskFile, DiskLock, OpenMode } from "./disk/disk.ts";
export { type ErrorPlace, StorageError, type StorageErrorCode } from "./error.ts";
export { chainHash } from "./format/formats.ts";
export { MAX_BATCH_BYTES, MAX_OFFSET, MAX_PAYLOAD_BYTES, MAX_STREAM_ID } from "./limits.ts";
export { MemoryStorage, type MemoryStorageOptions } from "./memory.ts";
export { NodeDisk, type SeekData } from "./disk/node-disk.ts";
export { OffsetIndex } from "./format/offset-index.ts";
export type { PreparedBatch } from "./format/batch.ts";
export { AppendPipeline, type PipelineOptions } from "./pipeline.ts";
export { decodeRecord, encodeRecord, type Record } from "./format/record.ts";
export type { Finding } from "./segment/finding.ts";
export {
  type RecoveryAction,
  type RecoveryCase,
  type RecoveryFacts,
  IMPOSSIBLE as RECOVERY_IMPOSSIBLE,
  RECOVERY_CASES,
} from "./segment/recovery.ts";
export { withoutSalt, withSalt } from "./salt.ts";
export { Storage, type StorageOptions } from "./storage.ts";
export {
  deserializeTombstonePayload,
  serializeTombstonePayload,
  type Tombstone,
} from "./format/tombstone.ts";
export type { CompactionConfig, CompactionResult } from "./stream/compaction.ts";
export { deserializeRedactedPayload, type Redaction, serializeRedactedPayload } from "./format/redaction.ts";
export type { SegmentStatus, StreamStatus } from "./stream/stream-status.ts";
export type {
  Answer,
  CheckpointPolicy,
  Durability,
  CompressionKind,
  Format,
  Offset,
  RecordKind,
  StreamHead,
  StreamId,
  Verification,
} from "./types.ts";
