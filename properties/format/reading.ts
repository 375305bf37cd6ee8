/**
 * The engine's way through a segment beside that of the model's reader: both must accept the same records and
 * see the same in them.
 *
 * Compressed records may be refused by the engine alone: it keeps rules that the model's expansion does not
 * (`model/expand.ts`). Whatever the engine accepts, the model must accept. That tombstones name what redacted
 * records stand for is asked of neither: a segment alone does not show it.
 * @module
 */
import type { Buffer } from "node:buffer";
import type { ModelRecord } from "../../model/log.ts";
import { readRecord } from "../../model/reader.ts";
import { genesisHash } from "../../src/format/chain.ts";
import { CodecRegistry } from "../../src/format/codec.ts";
import type { DiskFile } from "../../src/disk/disk.ts";
import { chainHash, formatNamed } from "../../src/format/formats.ts";
import { type Flaw, prevHashAt } from "../../src/format/record.ts";
import { expandedPayload, expansionFlaw } from "../../src/format/expand.ts";
import { misfit, placesOf } from "../../src/format/misfit.ts";
import { RecordScanner } from "../../src/segment/scan.ts";
import type { Format, RecordKind } from "../../src/types.ts";
import { F5 } from "../invariants/format.ts";
import { type Counts, hold, observe, Violation } from "../tally.ts";
import { COMPRESSIONS, fieldIn, layoutOf } from "./layout.ts";
import { perFormat } from "./section.ts";

const codecsOf = perFormat((format) => formatNamed(format).codecs(new CodecRegistry()));
const SEGMENT = "segment_000000.log";

/** So little at a time that records span chunks. */
const CHUNK_BYTES = 100;

/** Bytes as a file that may only be read, into no more memory than the file has bytes, and not for ever. */
export function fileOf(bytes: Buffer): DiskFile {
  let reads = 0;
  const refuse = (): void => {
    hold(F5.access, { isChange: true, reads, asked: 0, bytes: bytes.length });
  };
  return {
    size: () => bytes.length,
    read(target, position): number {
      reads += 1;
      hold(F5.access, { isChange: false, reads, asked: target.length, bytes: bytes.length });
      target.set(bytes.subarray(position, position + target.length));
      return Math.min(target.length, bytes.length - position);
    },
    write: () => {
      refuse();
      return 0;
    },
    truncate: refuse,
    sync: refuse,
    close: () => undefined,
  };
}

interface Shown {
  readonly kind: RecordKind;
  readonly prevHash: Uint8Array;
  readonly payload: Uint8Array;
  readonly hash: Uint8Array;
}

interface EngineReading {
  readonly records: Shown[];
  /** Where the record after them starts, or the segment ends. */
  readonly position: number;
  readonly flaw: Flaw | undefined;
}

/** Walks a stream's only segment as the engine does. */
async function readByEngine(name: Format, segment: Buffer): Promise<EngineReading> {
  const format = formatNamed(name);
  const records: Shown[] = [];
  const scanner = new RecordScanner(format, fileOf(segment), SEGMENT, 0, segment.length, CHUNK_BYTES);
  const stop = (flaw?: Flaw): EngineReading => ({ records, position: scanner.position, flaw });
  let head: Uint8Array | undefined;
  let offset = 0;
  while (!scanner.done) {
    const found = await scanner.advance();
    if (!found.ok) return stop(found);
    const { bytes, at } = scanner;
    const flaw = misfit(format, bytes, at, found, offset, head ?? genesisHash());
    if (flaw !== undefined) return stop(flaw);
    let payload: Uint8Array;
    try {
      payload = Uint8Array.from(await expandedPayload(format, bytes, at, found, codecsOf(name)));
    } catch (error) {
      return stop(expansionFlaw(error));
    }
    const prevHash = Uint8Array.from(prevHashAt(format, bytes, at));
    head = chainHash(head, found.kind, payload, name);
    records.push({ kind: found.kind, prevHash, payload, hash: head });
    offset += placesOf(format, bytes, at, found);
    scanner.accept(found);
  }
  return stop();
}

function readByEngineOrFail(format: Format, segment: Buffer): Promise<EngineReading> {
  return readByEngine(format, segment).catch((error: unknown) => {
    if (error instanceof Violation) throw error;
    hold(F5.answer, { error, input: segment }, error);
    throw error;
  });
}

/** The same by the model, and what stopped it. */
function readByModel(format: Format, segment: Buffer): { records: ModelRecord[]; problem?: string } {
  const records: ModelRecord[] = [];
  for (let at = 0; at < segment.length;) {
    const found = readRecord(format, segment.subarray(at), records.at(-1));
    if (typeof found === "string") return { records, problem: found };
    records.push(found.record);
    at += found.size;
  }
  return { records };
}

/** Whether what follows is a record of the sort that the engine alone may refuse. */
function isCompressed(format: Format, bytes: Buffer): boolean {
  return fieldIn(bytes, layoutOf(format).compression) !== COMPRESSIONS.indexOf("none");
}

/** F5: engine and model read the same from a stream whose only segment this is. */
export async function checkReading(counts: Counts, format: Format, segment: Buffer): Promise<void> {
  const engine = await readByEngineOrFail(format, segment);
  const model = readByModel(format, segment);
  const goesOnAlone =
    engine.flaw?.unreadable === true && isCompressed(format, segment.subarray(engine.position));
  const records = goesOnAlone ? model.records.slice(0, engine.records.length) : model.records;
  observe(counts, F5.reading, {
    engine: engine.records,
    engineEnds: engine.flaw?.sentence,
    model: records,
    modelEnds: model.problem,
    bytes: segment,
  });
}
