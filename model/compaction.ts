/**
 * What compaction may do to a log (`docs/FORMAT.md`, section 9). It changes nothing one can see but the
 * hidden payloads, so a log has no such operation: what is shown of a compacted stream is restored and then
 * compared.
 * Promises: a redacted record passes for the records of the log that it may stand for, and for no others.
 * Does not promise: that it stands for as many as it could, or that the tombstones are durable.
 * @module
 */
import { isHidden, type ModelLog, type ModelRecord, range, type ShownRecord } from "./log.ts";
import { stoodFor } from "./redacted.ts";

/** The log's records that a shown redacted record stands for; `undefined` if it may not stand for them. */
export function erasedBy(log: ModelLog, shown: ShownRecord): readonly ModelRecord[] | undefined {
  const stood = stoodFor(shown.payload, shown.offset);
  if (shown.kind !== "redacted" || !stood) return undefined;
  const erased = range(log, { from: shown.offset, to: stood.end, limit: Infinity, reverse: false });
  const [first, last] = [erased[0], erased.at(-1)];
  const mayStand =
    first !== undefined &&
    last !== undefined &&
    BigInt(erased.length) === stood.count && // a log has no gaps, so that many are all
    erased.every(({ kind, offset }) => kind === "data" && isHidden(log, offset)) && // none is in sentinel
    Buffer.compare(shown.prevHash, first.prevHash) === 0 &&
    Buffer.compare(stood.hash, last.hash) === 0;
  return mayStand ? erased : undefined;
}

/**
 * The same list with each redacted record replaced by the records that it stands for, in the order of their
 * offsets. One that may not stand for them stays, so that a comparison with the log fails there.
 */
export const restored = (log: ModelLog, shown: readonly ShownRecord[]): readonly ShownRecord[] =>
  shown.flatMap((record): readonly ShownRecord[] => erasedBy(log, record) ?? [record]);
