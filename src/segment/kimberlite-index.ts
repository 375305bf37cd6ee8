/**
 * Kimberlite's index of the segment that a `sentinel` stream is appended to: there while the segment rests,
 * gone while it grows.
 *
 * Kimberlite takes it literally, and where there is none it indexes a checkpoint that it begins with twice.
 * So closing writes it, and it is removed before the next record is written. Promised: it is written after
 * the records that it names are durable, and removed durably, so no crash leaves one that names anything but
 * what the segment holds.
 *
 * Not promised where Kimberlite left two files, `.idx` and `.idx.wal`: no order of removing them is without a
 * moment at which one is there alone. Kimberlite reads right with the `.idx.wal` alone, and not with the
 * `.idx` alone; so that goes first.
 * @module
 */
import { syncNames, withFile } from "../disk/files.ts";
import { kimberliteIndexLogName, kimberliteIndexName } from "../disk/names.ts";
import type { SegmentNumbers } from "../segment-numbers.ts";
import { removeHint, replaceFile } from "../disk/obstacles.ts";
import type { OffsetIndex } from "../format/offset-index.ts";
import type { StreamFiles } from "./saved-index.ts";

export class KimberliteIndex {
  readonly #files: StreamFiles;
  readonly #segment: SegmentNumbers;
  /** Whether the file is there and names what the segment holds. */
  #isThere = false;
  /** Whether it was removed, and that may not be durable. */
  #isUnsynced = false;

  constructor(files: StreamFiles, segment: SegmentNumbers) {
    this.#files = files;
    this.#segment = segment;
  }

  /**
   * Keeps the file if it says what the segment holds, and removes any other.
   *
   * @param names those in the stream's directory
   * @throws StorageError `io`
   */
  async settle(names: ReadonlySet<string>, index: OffsetIndex): Promise<void> {
    const isThere = names.has(kimberliteIndexName(this.#segment));
    const hasLog = names.has(kimberliteIndexLogName(this.#segment));
    if (isThere && !hasLog && (await this.#holds(index.serializePositions()))) {
      this.#isThere = true;
      return;
    }
    if (isThere) await this.#remove();
    await removeKimberliteIndexLog(this.#files, this.#segment, names);
  }

  /** Removes the file, durably: the segment is about to hold more than it says. @throws StorageError `io` */
  async withdraw(): Promise<void> {
    const { disk, path } = this.#files;
    if (this.#isThere) await removeHint(disk, this.#path);
    this.#isUnsynced ||= this.#isThere;
    this.#isThere = false;
    if (this.#isUnsynced) await syncNames(disk, path);
    this.#isUnsynced = false;
  }

  /**
   * Writes the file for a segment in which everything is durable, unless it is there. @throws StorageError
   * `io`
   */
  async save(index: OffsetIndex): Promise<void> {
    if (this.#isThere) return;
    await replaceFile(this.#files.disk, this.#path, index.serializePositions());
    await syncNames(this.#files.disk, this.#files.path);
    this.#isThere = true;
  }

  async #remove(): Promise<void> {
    const { disk, path } = this.#files;
    await removeHint(disk, this.#path);
    await syncNames(disk, path);
  }

  /** Whether the file has exactly these bytes; one that cannot be read has not. */
  async #holds(bytes: Buffer): Promise<boolean> {
    try {
      return await withFile(this.#files.disk, this.#path, async (file) => {
        if ((await file.size()) !== bytes.length) return false;
        const held = Buffer.alloc(bytes.length);
        await file.read(held, 0);
        return held.equals(bytes);
      });
    } catch {
      return false;
    }
  }

  get #path(): string {
    return `${this.#files.path}/${kimberliteIndexName(this.#segment)}`;
  }
}

/**
 * Removes the write-ahead file that Kimberlite leaves beside an index. Beside an `.idx` with all entries,
 * whose name is durable, it only repeats some; without an `.idx`, Kimberlite does not look at it.
 *
 * @param names those in the stream's directory
 * @throws StorageError `io`
 */
export async function removeKimberliteIndexLog(
  { disk, path }: StreamFiles,
  segment: SegmentNumbers,
  names: ReadonlySet<string>,
): Promise<void> {
  const name = kimberliteIndexLogName(segment);
  if (!names.has(name)) return;
  await removeHint(disk, `${path}/${name}`);
  await syncNames(disk, path);
}
