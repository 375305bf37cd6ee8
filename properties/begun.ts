/**
 * An operation that appends, as the model begins it, and how a storage is asked for the same.
 * @module
 */
import { append, checkpoint, type ModelLog, refuses, tombstone } from "../model/log.ts";
import type { AppendResult, StorageBackend } from "../src/index.ts";
import type { Bounds } from "./bounds.ts";
import { type Operation, payloadsOf, recordsNamedBy } from "./operations.ts";

/** What appends. */
export type Appending = Operation & { readonly does: "append" | "checkpoint" | "tombstone" };

export interface Begun {
  /** The log with what is about to be added. */
  readonly log: ModelLog;
  /** The error code with which it is refused, if it is. */
  readonly refusal: string | undefined;
  /** Payloads of the events; there are none in what is no batch of events. */
  readonly payloads: readonly Uint8Array[];
  readonly call: (
    storage: Pick<StorageBackend, "appendBatch" | "appendCheckpoint" | "tombstone">,
  ) => Promise<AppendResult>;
}

/** Begins an operation on a log. */
export function begin(
  before: ModelLog,
  operation: Appending,
  { checkpointEvery, format }: Pick<Bounds, "checkpointEvery" | "format">,
): Begun {
  const { stream, fsync } = operation;
  const policy = { everyNRecords: checkpointEvery };
  const next = before.records.length;
  switch (operation.does) {
    case "append": {
      const payloads = payloadsOf(next, operation, format);
      const expectedOffset = BigInt(next + (operation.misplaced === true ? 1 : 0));
      return {
        log: append(before, payloads, policy),
        refusal: refuses(before, { payloads, expectedOffset }),
        payloads,
        call: (storage) => storage.appendBatch(stream, payloads, { expectedOffset, fsync }),
      };
    }
    case "checkpoint":
      return {
        log: checkpoint(before),
        refusal: refuses(before, "checkpoint"),
        payloads: [],
        call: (storage) => storage.appendCheckpoint(stream, { fsync }),
      };
    case "tombstone": {
      const { first, count } = recordsNamedBy(operation, before.records);
      return {
        log: tombstone(before, first, count, policy),
        refusal: refuses(before, { first, count }),
        payloads: [],
        call: (storage) => storage.tombstone(stream, first, count, { fsync }),
      };
    }
  }
}

/** The error code with which the compaction of a stream is refused, if it is. */
export function refusesCompaction({ format }: ModelLog): string | undefined {
  return format === "sentinel" ? "wrong-format" : undefined;
}
