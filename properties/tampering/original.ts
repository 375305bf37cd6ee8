/**
 * The small logs that are tampered with: every sequence of data records and checkpoints up to a length, in
 * one segment, in two, or in one for each record, as the engine writes them onto a simulated disk.
 * @module
 */
import type { Choice } from "../../explore/choice.ts";
import { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import { chainHash } from "../../model/hash.ts";
import { checkpointAfter } from "../../model/log.ts";
import { type Format, Storage } from "../../src/index.ts";
import type { Bounds } from "../bounds.ts";
import { nobody } from "../../explore/choice.ts";
import { placed, type RawRecord } from "./forged-log.ts";

/**
 * What the data records of a log say: a letter each; or each but the first what a checkpoint in its place
 * would; or the first a chain hash and a letter, so that it can be taken for the end of a longer log; or the
 * first one what `hidden` is, so that its hash can be taken for the beginning of a payload.
 */
export type Payloads = "letters" | "imitations" | "hash first" | "hidden first";

/** The log before anybody touched it, as the model has it. */
export type Original = readonly RawRecord[];

export const STREAM = 1n;
const ROOT = "/data";
const STREAM_PATH = `${ROOT}/${String(STREAM)}`;

/**
 * What the payload of a log of `hash first` hides: the chain hash of a first record with this payload. In
 * `sentinel` the first byte of what is hashed is the record's kind, so there it is one whose hash begins with
 * the code of a data record.
 */
export function hidden(format: Format): Uint8Array {
  if (format === "plain") return Buffer.from("q");
  for (let i = 0; ; i += 1) {
    const payload = Buffer.from(`q${i}`);
    if (chainHash(format, "data", payload)[0] === 0) return payload;
  }
}

/**
 * The payload with which a first data record has the hash of a data record with `payload` after one with the
 * hash `before`. Both formats begin like this.
 */
export function foldedPayload(format: Format, before: Uint8Array, payload: Uint8Array): Uint8Array {
  return format === "plain"
    ? Buffer.concat([before, payload])
    : Buffer.concat([before.subarray(1), Buffer.of(0), payload]);
}

/** Chooses a log. */
export function chooseOriginal(bounds: Bounds, payloads: Payloads, choice: Choice): Original {
  const length = choice.choose(bounds.tamperedRecords, "records, less one") + 1;
  const segmentOf = chooseSegments(length, choice);
  const records: RawRecord[] = [];
  for (let i = 0; i < length; i += 1) {
    const last = records.at(-1);
    const isCheckpoint = i > 0 && choice.choose(2, `record ${i}: data, checkpoint`) === 1;
    const segment = segmentOf(i);
    const wanted = isCheckpoint
      ? ({ kind: "checkpoint" } as const)
      : ({ kind: "data", payload: payloadOf(bounds.format, payloads, last) } as const);
    records.push(placed(bounds.format, wanted, last, segment));
  }
  return records;
}

/**
 * Chooses in which segment each record is: all in one, each in its own, or two segments cut at some place.
 */
function chooseSegments(length: number, choice: Choice): (record: number) => number {
  const options = ["one", "one for each record"];
  for (let i = 1; i < length && length > 2; i += 1) options.push(`a second from record ${i} on`);
  const cut = length === 1 ? 0 : choice.choose(options.length, `segments: ${options.join(", ")}`);
  return cut < 2 ? (record) => record * cut : (record) => (record < cut - 1 ? 0 : 1);
}

function payloadOf(format: Format, payloads: Payloads, last: RawRecord | undefined): Uint8Array {
  const letter = Buffer.from(String.fromCharCode(0x61 + Number((last?.offset ?? -1n) + 1n)));
  if (payloads === "imitations" && last !== undefined) return checkpointAfter(format, last).payload;
  if (payloads === "hash first" && last === undefined) {
    return foldedPayload(format, chainHash(format, "data", hidden(format)), letter);
  }
  if (payloads === "hidden first" && last === undefined) return hidden(format);
  return letter;
}

/** Another stream's records, as many as wanted; it shares nothing with the first. */
export function otherStream(format: Format, length: number): RawRecord[] {
  const records: RawRecord[] = [];
  for (let i = 0; i < length; i += 1) {
    const payload = Buffer.from(String.fromCharCode(0x70 + i));
    records.push(placed(format, { kind: "data", payload }, records.at(-1), 0));
  }
  return records;
}

/** A disk with these files in the stream's directory, all of it durable. */
export function diskWith(files: ReadonlyMap<string, Uint8Array>): SimulatedDisk {
  const disk = new SimulatedDisk({ sectorBytes: 4096, persistence: "posix", choice: nobody });
  disk.makeDirectory(ROOT);
  disk.syncDirectory("/");
  if (files.size === 0) return disk;
  disk.makeDirectory(STREAM_PATH);
  disk.syncDirectory(ROOT);
  for (const [name, bytes] of files) {
    const file = disk.open(`${STREAM_PATH}/${name}`, "create");
    file.write(bytes, 0);
    file.sync();
    file.close();
  }
  disk.syncDirectory(STREAM_PATH);
  return disk;
}

/** Opens the engine on such a disk. */
export function openStorage(
  disk: SimulatedDisk,
  format: Format,
  maxSegmentBytes: number = 2 ** 20,
): Promise<Storage> {
  return Storage.open(ROOT, {
    disk,
    checkpoints: { everyNRecords: 0 },
    format,
    maxSegmentBytes,
    indexLogMaxEntries: 2,
  });
}

/** The files that the engine leaves when it is told to write this log. */
export async function writtenByEngine(format: Format, original: Original): Promise<Map<string, Uint8Array>> {
  const disk = diskWith(new Map());
  let segment = 0;
  for (const record of original) {
    // A limit that nothing fits in makes the engine begin a new segment.
    const storage = await openStorage(disk, format, record.segment > segment ? 1 : undefined);
    segment = record.segment;
    if (record.kind === "checkpoint") await storage.appendCheckpoint(STREAM);
    else await storage.appendBatch(STREAM, [record.payload]);
    await storage.close();
  }
  const prefix = `${STREAM_PATH}/`;
  return new Map(
    [...disk.files()]
      .filter(([path]) => path.startsWith(prefix))
      .map(([path, bytes]) => [path.slice(prefix.length), bytes]),
  );
}
