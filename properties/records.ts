/**
 * Whether bytes and records are the same, and how a person gets to see them.
 * @module
 */
import type { ShownRecord } from "../model/log.ts";
import { plainText } from "./plain-text.ts";

export function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0;
}

/** Whether two lists of payloads are equal. */
export function samePayloads(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((payload, i) => sameBytes(payload, b[i]));
}

/** Whether two records say the same, whatever they are chained to. */
export function sameContent(a: ShownRecord, b: ShownRecord | undefined): boolean {
  return b?.offset === a.offset && a.kind === b.kind && sameBytes(a.payload, b.payload);
}

/** Whether two records say the same, and chain to the same. */
export function sameRecord(a: ShownRecord, b: ShownRecord | undefined): boolean {
  return b !== undefined && sameContent(a, b) && sameBytes(a.prevHash, b.prevHash);
}

/** Whether two lists of records are equal. */
export function sameRecords(a: readonly ShownRecord[], b: readonly ShownRecord[]): boolean {
  return a.length === b.length && a.every((record, i) => sameRecord(record, b[i]));
}

/** A log in a line: offsets, and payloads of data records or the kind of others. */
export function show(records: readonly ShownRecord[]): string {
  const parts = records.map(({ offset, kind, payload }) => {
    const content =
      kind === "data" ? JSON.stringify(plainText(Buffer.from(payload).toString("latin1"))) : kind;
    return `${String(offset)}:${content}`;
  });
  return `[${parts.join(" ")}]`;
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Bytes for a person: all of them, or where they are many how many and the first. */
export function hexText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, 256)).toString("hex");
  return bytes.length <= 256 ? text : `${text}... (${bytes.length} bytes)`;
}

/** Whether two ends agree as far as doubles hold them. */
export const isSameEnd = (a: number, b: number): boolean =>
  a === b || Math.min(a, b) > Number.MAX_SAFE_INTEGER;
