/**
 * Guards for what callers pass in: each returns the value it checked. Wrong types are `TypeError`s, values that
 * cannot be are `StorageError`s; either way nothing has been changed yet.
 * @module
 */
import { StorageError } from "./error.ts";
import { MAX_OFFSET, MAX_PAYLOAD_BYTES, MAX_STREAM_ID } from "./limits.ts";
import type { AppendOptions } from "./backend.ts";
import type { Durability, Format, Offset, StreamId, Verification } from "./types.ts";

const VERIFICATIONS: readonly unknown[] = ["record", "checkpoint", "genesis"] satisfies Verification[];

export function asStreamId(value: unknown): StreamId {
  if (typeof value !== "bigint") throw new TypeError("A stream id is a bigint.");
  if (value < 0n || value > MAX_STREAM_ID) {
    throw new StorageError(
      "out-of-range",
      `A stream id is from 0 to ${String(MAX_STREAM_ID)}, not ${String(value)}.`,
    );
  }
  return value as StreamId;
}

/** An offset to read from; one beyond the largest possible is beyond every end and reads nothing. */
export function asStart(value: unknown): number {
  if (typeof value !== "bigint") throw new TypeError("An offset is a bigint.");
  if (value < 0n) throw new StorageError("out-of-range", `An offset is at least 0, not ${String(value)}.`);
  return value > BigInt(MAX_OFFSET) ? MAX_OFFSET : Number(value);
}

export function asMaxBytes(value: unknown): number {
  if (typeof value !== "number") throw new TypeError("maxBytes is a number.");
  if (!(value >= 0)) throw new StorageError("out-of-range", `maxBytes is at least 0, not ${value}.`);
  return value;
}

export function asVerification(value: unknown): Verification {
  if (value === undefined) return "checkpoint";
  if (!VERIFICATIONS.includes(value)) throw new TypeError('verify is "record", "checkpoint" or "genesis".');
  return value as Verification;
}

/** Checks that there is something to append and that every payload may be a payload. */
export function asPayloads(value: unknown): readonly Uint8Array[] {
  if (!Array.isArray(value)) throw new TypeError("A batch is an array of Uint8Array.");
  for (const payload of value as unknown[]) {
    if (!(payload instanceof Uint8Array)) throw new TypeError("A payload is a Uint8Array.");
    if (payload.length > MAX_PAYLOAD_BYTES) {
      throw new StorageError(
        "payload-too-large",
        `A payload has ${payload.length} bytes; at most ${MAX_PAYLOAD_BYTES} are allowed. Split it.`,
      );
    }
  }
  if (value.length === 0) throw new StorageError("empty-batch", "A batch needs at least one event.");
  return [...(value as Uint8Array[])];
}

/** The options of an append, with their defaults. */
export function asAppendOptions(value: AppendOptions | undefined): {
  expectedOffset: bigint | undefined;
  fsync: boolean;
} {
  const expectedOffset: unknown = value?.expectedOffset;
  const fsync: unknown = value?.fsync;
  if (expectedOffset !== undefined && typeof expectedOffset !== "bigint") {
    throw new TypeError("expectedOffset is a bigint.");
  }
  if (fsync !== undefined && typeof fsync !== "boolean") throw new TypeError("fsync is a boolean.");
  return { expectedOffset, fsync: fsync ?? true };
}

/** Refuses an append that was meant for another offset than the one it would get. */
export function refuseOtherOffset(stream: StreamId, expected: bigint | undefined, nextOffset: number): void {
  if (expected === undefined || expected === BigInt(nextOffset)) return;
  throw new StorageError(
    "offset-mismatch",
    `The batch was to begin at offset ${String(expected)}, but the next offset is ${nextOffset}. Read from there and decide again.`,
    { stream, offset: BigInt(nextOffset) as Offset },
  );
}

/** A durability, by default `standard`. */
export function asDurability(value: unknown): Durability {
  if (value === undefined) return "standard";
  if (value === "standard" || value === "strict") return value;
  throw new TypeError('durability is "standard" or "strict".');
}

/** A format, by default `plain`. */
export function asFormat(value: unknown): Format {
  if (value === undefined) return "plain";
  if (value === "plain" || value === "sentinel") return value;
  throw new TypeError('format is "plain" or "sentinel".');
}

/** A whole number from `min` to `max`. */
export function asCount(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== "number") throw new TypeError(`${name} is a number.`);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new StorageError("out-of-range", `${name} is a whole number from ${min} to ${max}, not ${value}.`);
  }
  return value;
}
