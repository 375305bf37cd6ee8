/**
 * Building an offset index from the records themselves, up to the first place where there is none.
 * @module
 */
import type { CodecRegistry } from "../format/codec.ts";
import type { OffsetIndex } from "../format/offset-index.ts";
import { chainHashAt, type Flaw } from "../format/record.ts";
import { expandedPayload, expansionFlaw } from "../format/expand.ts";
import { misfit, placesOf } from "../format/misfit.ts";
import type { RecordScanner } from "./scan.ts";

/** Where a scan came to: the next offset, the chain hash before it (if known), and what stopped it. */
export interface ScanEnd {
  readonly nextOffset: number;
  readonly head: Uint8Array | undefined;
  readonly flaw: Flaw | undefined;
}

/**
 * Adds the records from where `scanner` stands to `index`, as long as each is intact and continues the chain.
 * O(bytes scanned) time, memory of the index plus one chunk.
 *
 * @param offset what the next record must say
 * @param head chain hash of the record before it; `undefined` if that is not known
 */
export async function extendIndex(
  index: OffsetIndex,
  scanner: RecordScanner,
  offset: number,
  head: Uint8Array | undefined,
  codecs: CodecRegistry,
): Promise<ScanEnd> {
  let nextOffset = offset;
  let previous = head;
  const { format } = scanner;
  while (!scanner.done) {
    const found = scanner.next();
    if (found === undefined) {
      await scanner.fill();
      continue;
    }
    const { bytes, at } = scanner;
    const flaw = found.ok ? misfit(format, bytes, at, found, nextOffset, previous) : found;
    if (flaw !== undefined || !found.ok) return { nextOffset, head: previous, flaw };
    try {
      const expanded = expandedPayload(format, bytes, at, found, codecs);
      const payload = expanded instanceof Uint8Array ? expanded : await expanded;
      previous = chainHashAt(format, bytes, at, found.kind, nextOffset, payload);
    } catch (error) {
      return { nextOffset, head: previous, flaw: expansionFlaw(error) };
    }
    const places = placesOf(format, bytes, at, found);
    index.push(found.kind, scanner.position + found.size, previous, places);
    nextOffset += places;
    scanner.accept(found);
  }
  return { nextOffset, head: previous, flaw: undefined };
}
