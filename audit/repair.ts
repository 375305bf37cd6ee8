/**
 * Repairing a stream that cannot be appended to: what cannot be read at its end is set aside, so that it goes
 * on after its last record.
 *
 * Promises: no byte is thrown away, for each is copied to the stream's `quarantine/` and synced before it is
 * cut; a record that can be read stays; done again, also after a crash in the middle, it comes to the same.
 * Does not promise to bring anything back: records that are damaged with others after them stay damaged, and
 * reads of them fail. Restore those from a copy.
 *
 * Everything goes through a `Disk`, so what it would do is what it does to an `OverlayDisk`.
 * @module
 */
import { type Disk, type DiskFile, Storage, type StreamStatus } from "../src/index.ts";
import { io, syncNames, withFile } from "../src/disk/files.ts";
import {
  indexedSegment,
  indexLogName,
  MANIFEST_NAME,
  pageNumber,
  segmentName,
  segmentNumbers,
} from "../src/disk/names.ts";
import { lastNumber, sameNumbers, type SegmentNumbers } from "../src/segment-numbers.ts";
import { isFile, readHint } from "../src/disk/obstacles.ts";
import { manifestBytesMax, parseManifest, type SegmentInfo, withIndexWords } from "../src/format/manifest.ts";
import {
  ManifestFiles,
  type PagedManifest,
  pagesNeeded,
  segmentWith,
  withPages,
} from "../src/stream/manifest-files.ts";
import { setAside, setFileAside } from "../src/segment/quarantine.ts";
import { indexWordsFor, type SegmentReport, type StreamReport } from "./report.ts";

/** What a repair comes to. */
export interface Repair {
  readonly stream: string;
  /** Whether the stream could not be appended to, and was cut so that it can. */
  readonly cut: { readonly file: string; readonly position: number } | undefined;
  /**
   * How many records there were, if the manifest or a record that can be read says more than there are now.
   */
  readonly counted: number | undefined;
  /** What recovery found and did when the stream was opened, as its own sentences. */
  readonly recovered: readonly string[];
  /** Where the stream goes on. */
  readonly nextOffset: bigint;
}

/**
 * Repairs one stream, as far as that goes.
 *
 * @param report what an audit of the stream has found
 * @throws StorageError `locked` if somebody has the directory open, `io`; if an intact record that this
 * version cannot read stands in the way; and if it still cannot be appended to afterwards
 */
export async function repairStream(disk: Disk, directory: string, report: StreamReport): Promise<Repair> {
  // As `Storage.open` does: both see a file under one path, whatever the directory is called.
  const root = await disk.resolve(directory);
  const recovered: string[] = [];
  const told = new Set<string>();
  let status = await opened(disk, root, report.stream, recovered, told);
  let cut: Repair["cut"];
  if (status.lostEnd !== undefined) {
    const { findings, lostEnd } = status;
    // It is intact, only not for this reader: nothing of it is cut.
    if (findings.some(({ what, error }) => what === "unreadable record" && error === lostEnd)) throw lostEnd;
    cut = await cutBehindLastRecord(disk, root, report);
    status = await opened(disk, root, report.stream, recovered, told);
    if (status.lostEnd !== undefined) throw status.lostEnd;
  }
  for (const name of await setSparePagesAside(disk, root, report.stream))
    recovered.push(`spare page of the manifest, set aside: ${root}/${report.stream}/${name}`);
  const counted = Math.max(report.nextOffset, report.counted ?? 0);
  const lost = counted > status.nextOffset ? counted : undefined;
  return { stream: report.stream, cut, counted: lost, recovered, nextOffset: status.nextOffset };
}

/** Opens the stream as a program would, which recovers it, and closes it again. */
async function opened(
  disk: Disk,
  root: string,
  stream: string,
  recovered: string[],
  told: Set<string>,
): Promise<StreamStatus> {
  const storage = await Storage.open(root, { disk });
  try {
    const status = await storage.status(BigInt(stream));
    for (const { what, action, error } of status.findings) {
      const done = `, ${action}: ${error.message}`;
      // The stream is opened twice, and what stays is found twice.
      if (!told.has(done)) recovered.push(what + done);
      told.add(done);
    }
    return status;
  } finally {
    await storage.close();
  }
}

/**
 * Sets aside all that lies after the last record that can be read, and makes the segment that it is in the
 * last.
 */
async function cutBehindLastRecord(
  disk: Disk,
  root: string,
  report: StreamReport,
): Promise<NonNullable<Repair["cut"]>> {
  const path = `${root}/${report.stream}`;
  const { format } = report;
  const kept = report.segments.filter(({ lastEnd }) => lastEnd > 0).at(-1) ?? report.segments[0];
  const segment: SegmentNumbers = kept ?? { number: 0 };
  // One that was merged is not the last one: what is appended goes into a new one.
  const isMerged = segment.last !== undefined;
  const active = isMerged ? { number: lastNumber(segment) + 1 } : segment;
  const { number } = active;
  const position = kept?.lastEnd ?? 0;
  const lock = await io("locking the data directory", { file: root }, () => disk.lock(`${root}/LOCK`));
  try {
    // Opening the stream may have made files since it was audited, so the names are those that are there now.
    const names = await disk.list(path);
    const old = await manifestIn(disk, path, names);
    const sealed = sealedInfos(report, number, old);
    const firstOffset = sealed.at(-1)?.nextOffset ?? 0;
    const begun = { number, firstOffset, nextOffset: firstOffset, bytes: 0 };
    const manifest = new ManifestFiles({ disk, path, format }, old);
    if (old !== undefined) manifest.keep(old, sealed);
    const stale = await staleFiles(disk, path, manifest.writes(sealed, begun));
    // Segments go before their index files: without those recovery would take what cannot be read for a torn
    // append.
    const gone = [
      ...names.filter((name) => isLaterSegment(name, lastNumber(segment))),
      ...names.filter((name) => isWithin(name, segment)),
      ...names.filter((name) => isHintFrom(name, segment.number)),
    ];
    for (const name of gone) await setFileAside(disk, path, name);
    for (const { name, isFile } of stale) if (isFile) await setFileAside(disk, path, name);
    if (kept !== undefined) await setTailAside(disk, path, segment, position);
    // Nothing is changed before all of it is in quarantine: whoever comes after a crash would not know that
    // it was to be kept.
    for (const name of gone)
      await io("removing a file", { file: `${path}/${name}` }, () => disk.remove(`${path}/${name}`));
    if (kept !== undefined) await cutSegment(disk, path, segment, position);
    // An empty one says that nothing was durable, so that recovery would take a damaged record within for
    // torn, and cut those that follow it.
    if (isMerged || !isDamagedWithin(kept))
      await createEmpty(disk, `${path}/${indexLogName(active, format)}`);
    if (isMerged || kept === undefined) await createEmpty(disk, `${path}/${segmentName(active)}`);
    await syncNames(disk, path);
    if (stale.length > 0) await manifest.replace(sealed, begun);
    await syncNames(disk, path);
  } finally {
    await lock?.release();
  }
  return { file: segmentName(segment), position };
}

/** Whether there is damage before the last record that can be read. */
function isDamagedWithin(segment: SegmentReport | undefined): boolean {
  return segment?.gapOffset !== undefined && segment.gapOffset < segment.nextOffset;
}

/**
 * The segments before the one that is kept as the last: as the manifest has them, or else as they were read.
 */
function sealedInfos(
  report: StreamReport,
  number: number,
  manifest: PagedManifest | undefined,
): SegmentInfo[] {
  const reports = new Map(report.segments.map((segment) => [segment.number, segment]));
  const infos: SegmentInfo[] = [];
  for (let before = 0; before < number;) {
    const firstOffset = infos.at(-1)?.nextOffset ?? 0;
    const there = reports.get(before);
    const entry = manifest && segmentWith(manifest, before);
    const isSaid = entry?.number === before && (there === undefined || sameNumbers(there, entry));
    const { nextOffset = firstOffset, last, bytes = 0, kinds } = there ?? {};
    const found = { number: before, last, firstOffset, nextOffset, bytes };
    const read = kinds === undefined ? found : withIndexWords(found, indexWordsFor(kinds));
    const info = isSaid ? entry : read;
    infos.push(info);
    before = lastNumber(info) + 1;
  }
  return infos;
}

async function manifestIn(
  disk: Disk,
  path: string,
  names: readonly string[],
): Promise<PagedManifest | undefined> {
  const bytes = await readHint(disk, `${path}/${MANIFEST_NAME}`, manifestBytesMax(names.length));
  const manifest = bytes && parseManifest(bytes);
  return manifest && withPages(disk, path, manifest, names, names.length);
}

/** The files that do not hold what is to be written to them, and whether they are there and can be read. */
async function staleFiles(
  disk: Disk,
  path: string,
  writes: Iterable<{ readonly name: string; readonly bytes: Buffer }>,
): Promise<{ readonly name: string; readonly isFile: boolean }[]> {
  const stale: { readonly name: string; readonly isFile: boolean }[] = [];
  for (const { name, bytes } of writes) {
    const old = await readHint(disk, `${path}/${name}`, Infinity);
    if (old?.equals(bytes) !== true) stale.push({ name, isFile: old !== undefined });
  }
  return stale;
}

/**
 * Sets aside the pages of the manifest that it does not need: a crash left them, or they are from before a
 * repair. Recovery never looks at them, but they bear witness.
 */
async function setSparePagesAside(disk: Disk, root: string, stream: string): Promise<string[]> {
  const path = `${root}/${stream}`;
  const lock = await io("locking the data directory", { file: root }, () => disk.lock(`${root}/LOCK`));
  try {
    const names = await disk.list(path);
    const manifest = await manifestIn(disk, path, names);
    if (manifest?.format !== "plain") return [];
    const spare: string[] = [];
    for (const name of names) {
      const isSpare = (pageNumber(name) ?? -1) >= pagesNeeded(manifest);
      if (isSpare && (await isFile(disk, `${path}/${name}`))) spare.push(name);
    }
    for (const name of spare) await setFileAside(disk, path, name);
    for (const name of spare)
      await io("removing a file", { file: `${path}/${name}` }, () => disk.remove(`${path}/${name}`));
    if (spare.length > 0) await syncNames(disk, path);
    return spare;
  } finally {
    await lock?.release();
  }
}

/** Whether a segment is one that another one takes the place of: a leftover of compaction. */
function isWithin(name: string, segment: SegmentNumbers): boolean {
  const own = segmentNumbers(name);
  if (own === undefined || name === segmentName(segment)) return false;
  return segment.number <= own.number && lastNumber(own) <= lastNumber(segment);
}

function isLaterSegment(name: string, number: number): boolean {
  return (segmentNumbers(name)?.number ?? -1) > number;
}

/**
 * Whether a file is an index of the segment that is cut, or of a later one, there or not: it was made for
 * what is no longer there.
 */
function isHintFrom(name: string, number: number): boolean {
  return (indexedSegment(name)?.segment.number ?? -1) >= number;
}

async function setTailAside(
  disk: Disk,
  path: string,
  segment: SegmentNumbers,
  position: number,
): Promise<void> {
  await withFile(disk, `${path}/${segmentName(segment)}`, async (opened) => {
    const size = await io("asking for a segment's size", { file: path }, () => opened.size());
    if (size > position) await setAside(disk, path, segment, opened, position, size);
  });
}

async function cutSegment(
  disk: Disk,
  path: string,
  segment: SegmentNumbers,
  position: number,
): Promise<void> {
  const file = `${path}/${segmentName(segment)}`;
  const opened: DiskFile = await io("opening a segment", { file }, () => disk.open(file, "update"));
  try {
    await io("cutting a segment", { file, position }, () => opened.truncate(position));
    await io("syncing a segment", { file }, () => opened.sync());
  } finally {
    await io("closing a segment", { file }, () => opened.close());
  }
}

async function createEmpty(disk: Disk, file: string): Promise<void> {
  const created = await io("creating a file", { file }, () => disk.open(file, "create"));
  try {
    await io("syncing a file", { file }, () => created.sync());
  } finally {
    await io("closing a file", { file }, () => created.close());
  }
}
